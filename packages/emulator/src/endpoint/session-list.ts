import { randomInt } from 'node:crypto'
import type { Session } from '../session/session.ts'

/** The key that a client is given at its start, and shows to cancel. */
export interface CancelKey {
  readonly pid: number
  readonly secret: number
}

/** The sessions that are open, by the key that cancels them. */
export class SessionList {
  #sessions = new Map<number, { readonly secret: number; readonly session: Session }>()

  newKey(): CancelKey {
    let pid = 0
    do pid = randomInt(1, 2 ** 31 - 1)
    while (this.#sessions.has(pid))
    return { pid, secret: randomInt(-(2 ** 31), 2 ** 31 - 1) }
  }

  add({ pid, secret }: CancelKey, session: Session): void {
    this.#sessions.set(pid, { secret, session })
  }

  remove({ pid }: CancelKey): void {
    this.#sessions.delete(pid)
  }

  /** A wrong key is ignored, as PostgreSQL does. */
  async cancel({ pid, secret }: CancelKey): Promise<void> {
    const found = this.#sessions.get(pid)
    if (found?.secret === secret) await found.session.cancel()
  }

  endAll(lastWords: Buffer): void {
    for (const { session } of this.#sessions.values()) session.end(lastWords)
  }
}
