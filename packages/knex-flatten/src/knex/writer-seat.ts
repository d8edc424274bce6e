import { FlattenError } from '../errors/flatten-error.ts'
import type { RouteChoice } from '../routing/choice.ts'
import { writerInRecovery } from '../routing/verdicts.ts'
import type { ClientPool } from './client-pool.ts'
import type { Need } from './server-role.ts'
import type { Taken } from './taken.ts'
import { isUnreachable } from './wire-errors.ts'

/** Takes a connection to a server that meets a need; `undefined` where it does not, and keeps none. */
export type TakeFrom = (
  pool: ClientPool,
  choice: RouteChoice,
  need: Need,
  unfit?: (host: string) => void,
) => Promise<Taken | undefined>

/** Where the writer is: behind the pool that is called so; or, where that server cannot be written to any more, behind a reader that was promoted. */
export class WriterSeat {
  readonly #writer: ClientPool
  readonly #readers: readonly ClientPool[]
  readonly #takeFrom: TakeFrom
  #promoted: ClientPool | undefined
  #search: Promise<ClientPool | undefined> | undefined

  constructor(writer: ClientPool, readers: readonly ClientPool[], takeFrom: TakeFrom) {
    this.#writer = writer
    this.#readers = readers
    this.#takeFrom = takeFrom
  }

  /** The pool in whose place the writer was last. */
  get pool(): ClientPool {
    return this.#promoted ?? this.#writer
  }

  /** @throws NoWriterError where a reader is in its place, and none of the others was promoted */
  async take(choice: RouteChoice, need: Need, what: () => string): Promise<Taken> {
    const still = this.#promoted && (await this.#takePromoted(this.#promoted))
    if (still) return still
    this.#promoted = undefined
    let failure: unknown
    try {
      const taken = await this.#takeFrom(this.#writer, choice, need, (host) => {
        failure = writerInRecovery(host, what())
      })
      if (taken) return taken
    } catch (error) {
      // Who is there, and refuses, is still the writer.
      if (error instanceof FlattenError || !isUnreachable(error, this.#writer.isFull)) throw error
      failure = error
    }
    const promoted = need === 'any' ? undefined : await this.#findPromoted()
    const taken = promoted && (await this.#takePromoted(promoted))
    if (!taken) throw failure
    this.#promoted = promoted
    return taken
  }

  async #takePromoted(pool: ClientPool): Promise<Taken | undefined> {
    try {
      return await this.#takeFrom(pool, { target: 'writer', reason: 'switched-over' }, 'writer')
    } catch (error) {
      if (error instanceof FlattenError || !isUnreachable(error, pool.isFull)) throw error
      return undefined
    }
  }

  /** However many look for it, each reader is asked once. */
  #findPromoted(): Promise<ClientPool | undefined> {
    return (this.#search ??= this.#askReaders().finally(() => (this.#search = undefined)))
  }

  async #askReaders(): Promise<ClientPool | undefined> {
    for (const reader of this.#readers) {
      const taken = await this.#takePromoted(reader)
      if (!taken) continue
      await reader.giveBack(taken.connection)
      return reader
    }
    return undefined
  }
}
