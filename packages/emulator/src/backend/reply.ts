/**
 * What a message that was sent to a server is to be answered with. Counting these is how the end of an answer is
 * known without a Sync: a Sync would end the implicit transaction and destroy its portals.
 */
export type ReplyKind = 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync' | 'query'

/** One answer that is still to come. */
export interface Reply {
  readonly kind: ReplyKind
  /** The emulator's own message: a good answer to it is not for the client. */
  readonly hidden: boolean
  /** Runs once the server has done it; not after an error, and not where an earlier error made the server skip it. */
  readonly onDone?: () => void
  /** Runs for each statement of a simple query that was done. */
  readonly onStatement?: () => void
  /** What the client gets in place of an error that this message raised. */
  readonly onError?: (error: Buffer) => Buffer
}

/** Where a server's answers go. */
export interface ReplySink {
  /** It wants whole rows, not pieces of them. */
  readonly wholeRows: boolean
  /** The server's ReadyForQuery goes to it as well; otherwise the emulator writes its own. */
  readonly takesReady?: boolean
  relay(bytes: Buffer): void
  fail(reply: Reply, error: Buffer): void
  /** The server waits for the client's COPY data. */
  copyIn(): void
  /** All that the server has sent so far was handed over, and more is to come. */
  pause(): void
}

export const hiddenSync: Reply = { kind: 'sync', hidden: true }
export const hiddenQuery: Reply = { kind: 'query', hidden: true }
export const hiddenBind: Reply = { kind: 'bind', hidden: true }
export const hiddenExecute: Reply = { kind: 'execute', hidden: true }
export const hiddenParse: Reply = { kind: 'parse', hidden: true }
export const hiddenClose: Reply = { kind: 'close', hidden: true }
