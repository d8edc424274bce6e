import { AsyncLocalStorage } from 'node:async_hooks'
import { CrossingTally } from '../crossings/crossing-tally.ts'
import type { RequestSettings } from './options.ts'
import { encodeToken, type WrittenAt } from './token.ts'

/** What a request has written, and how its reads are to show it; knows nothing of connections. */
export class RequestScope {
  readonly settings: RequestSettings
  /** What has crossed to the writer, in its transactions and outside of them. */
  readonly crossings: CrossingTally
  /** How many writes its reads are to show: its own, and those before it that a token stands for. */
  #writes = 0
  #before: WrittenAt | undefined
  #last: WrittenAt | undefined

  constructor(settings: RequestSettings) {
    this.settings = settings
    this.crossings = new CrossingTally('request', settings.crossings ?? {})
  }

  get writes(): number {
    return this.#writes
  }

  /** What a reader must have replayed, where all that is to be shown has such a position. */
  get lsn(): string | undefined {
    return (this.#last ?? this.#before)?.lsn
  }

  /** Its own last write, for others to honour. */
  get token(): string | undefined {
    return this.#last && encodeToken(this.#last, this.settings.secrets)
  }

  /** It is to show what was written before it. */
  honour(before: WrittenAt): void {
    this.#before = before
    this.#writes++
  }

  /**
   * @param lsn - a position of the writer's log behind the write, where the writer has said one; it is behind all writes before it.
   * @param knownThen - how many writes there were when the writer was asked: what has come since is not before it.
   */
  noteWrite(lsn?: string, knownThen: number = this.#writes): void {
    this.#last = { at: Date.now(), lsn: knownThen === this.#writes ? lsn : undefined }
    this.#writes++
  }
}

/** The request scopes that code runs in: of each instance one. */
interface Position {
  readonly owner: object
  readonly held: unknown
  readonly outer: Position | undefined
}

const storage = new AsyncLocalStorage<Position>()

/** Runs a function so that whatever it starts finds what its owner holds for the request. */
export function runInRequest<Result>(owner: object, held: unknown, run: () => Result): Result {
  return storage.run({ owner, held, outer: storage.getStore() }, run)
}

/** What the owner holds for the request that is running here. */
export function requestHere(owner: object): unknown {
  for (let position = storage.getStore(); position; position = position.outer) {
    if (position.owner === owner) return position.held
  }
  return undefined
}
