import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'

/** The writer has no room for another forwarded session. */
export class SlotsExhausted extends Error {
  override readonly name = 'SlotsExhausted'
}

/** The share of the writer's connections that forwarded sessions may take. */
export class Slots {
  readonly #percent: number
  #most: number | undefined
  #taken = 0
  #exhausted = false

  /** @param percent `apg_write_forward.max_forwarding_connections_percent` */
  constructor(percent: number) {
    this.#percent = percent
  }

  get exhausted(): boolean {
    return this.#exhausted
  }

  /** As if other readers had taken all that is left. */
  exhaust(): void {
    this.#exhausted = true
  }

  release(): void {
    this.#exhausted = false
  }

  /** The writer may have other settings when it is back. */
  forget(): void {
    this.#most = undefined
  }

  /** @throws SlotsExhausted */
  take(): void {
    this.#taken++
    this.#check()
  }

  free(): void {
    this.#taken--
  }

  /** The first session finds out how many there may be. @throws SlotsExhausted, BackendLost */
  async learn(writer: Backend): Promise<void> {
    if (this.#most !== undefined) return
    const { row } = await inject(writer, 'SHOW max_connections')
    this.#most = Math.floor((Number(row[0]) * this.#percent) / 100)
    this.#check()
  }

  #check(): void {
    if (!this.#exhausted && (this.#most === undefined || this.#taken <= this.#most)) return
    const most = this.#most === undefined ? '' : ` of ${this.#most}`
    throw new SlotsExhausted(
      `the writer has no slot${most} left for forwarded sessions ` +
        `(apg_write_forward.max_forwarding_connections_percent is ${this.#percent})`,
    )
  }
}
