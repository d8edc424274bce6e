/** What a `ForwardingError` can be about; every one there is, so that a dashboard can be made before the first is seen. */
export const forwardingReasons = [
  /** 25006, 0A000: the reader has no write forwarding, or has it switched off. */
  'does-not-forward',
  /** 25006: the reader forwards, but the transaction, or the session, is read-only. */
  'read-only',
  /** 25P02: a statement before it has failed in the same transaction. */
  'aborted',
  /** 0A000: the reader refuses what the support table takes to be forwarded, though nobody has published that it is. */
  'refused',
  /** 23502: the statement leaves a column to its default, and the reader has forwarded it with a NULL in its place. */
  'default-lost',
  /** 23502: the statement gives the column a NULL itself. */
  'null-given',
  /** 23502: the column has no default on the writer. */
  'no-default',
  /** 23502 that is none of these, or cannot be told apart. */
  'null-unexplained',
  /** Class 08, 57P01 to 57P03: the reader has lost its session on the writer, or cannot open one. */
  'writer-lost',
] as const

export type ForwardingReason = (typeof forwardingReasons)[number]
