/** Where flattening would have changed what happened; each is explained in the report. */
export type ObservationKind =
  | 'scope-undone-alone'
  | 'commit-was-rollback'
  | 'went-on-after-failure'
  | 'scope-left-open'
  | 'sibling-inside-scope'
  | 'scope-waits-in-vain'
  | 'commit-failure-untold'
  | 'ended-twice'
  | 'callback-without-transaction'
  | 'option-ignored'
  | 'write-in-read-only-scope'
  | 'connection-in-transaction'
  | 'other-places'

/** A transaction, by what it was called and where it was opened. */
export interface ObservedParty {
  readonly name: string | null
  /** `src/orders.ts:12:20`, relative to the working directory; `null` where no frame of the application's is known. */
  readonly place: string | null
}

/** One place at which flattening would have changed what happened, and how often it was come by. Plain data, fit for JSON. */
export interface Observation {
  readonly kind: ObservationKind
  readonly count: number
  /** When it was first and last seen, ISO 8601. */
  readonly firstSeen: string
  readonly lastSeen: string
  /** The root transaction. */
  readonly transaction: ObservedParty
  /** The nested transaction concerned; `null` where it is the root itself. */
  readonly scope: ObservedParty | null
  /** Where `commit()` or `rollback()` was called, if that is what matters. */
  readonly call: string | null
  /** The SQL of the statement concerned, the last time; without its bindings, and shortened. */
  readonly statement: string | null
  /** SQLSTATE of the error, the last time. */
  readonly code: string | null
  /** The class of the error, the last time. Its message is left out: it may quote data. */
  readonly error: string | null
}
