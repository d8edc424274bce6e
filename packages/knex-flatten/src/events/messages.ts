/** What became of a causality token that a request came with. */
export interface TokenMessage {
  readonly outcome: 'honoured' | 'ignored'
  /** Why it was ignored. */
  readonly reason?: 'malformed' | 'forged' | 'from-the-future' | 'expired'
}

/** Somebody has waited until a reader shows what was written. */
export interface ReaderWaitMessage {
  readonly waitedMs: number
  readonly outcome: 'shown' | 'timed-out' | 'aborted'
  /** Asked of the reader's `global` mode, of the place it has replayed to, or not of a reader at all. */
  readonly way: 'global' | 'lsn' | 'writer'
}

/** The message of each channel. */
export interface EventMessages {
  'knex-flatten:token': TokenMessage
  'knex-flatten:reader-wait': ReaderWaitMessage
}
