/** A pool: one of the readers, or the writer. */
export type Target = 'reader' | 'writer'

/** Why something ran where it did; every one there is, so that a dashboard can be made before the first is seen. */
export const routeReasons = [
  /** It only reads. */
  'reads',
  /** It writes, or locks rows, and `writes: 'writer'` sends that to the writer. */
  'writes',
  /** It writes, or may, and the reader forwards that. */
  'forwards',
  /** A reader would refuse it, by the support table. */
  'unsupported',
  /** A transaction that says `readOnly: true`. */
  'read-only',
  /** A transaction whose isolation level or savepoints only the writer has. */
  'writer-only',
  /** Migrations, seeds, the schema builder. */
  'schema',
  /** `onReader(builder)`, `onWriter(builder)`. */
  'hint',
  /** Inside `withWriter(…)`. */
  'block',
  /** `transaction(…, { target })`. */
  'asked',
  /** No reader could be reached; it goes to the writer instead. */
  'readers-failed',
  /** The reader has no write forwarding, or has it switched off; it goes to the writer instead. */
  'cannot-forward',
  /** The writer cannot be written to any more, and this reader was promoted: it takes the writer's place. */
  'switched-over',
  /** It is to show what the same request has written. */
  'own-write',
  /** There is one pool only. */
  'only-pool',
] as const

export type RouteReason = (typeof routeReasons)[number]

/** Where something is to run, and why. */
export interface RouteChoice {
  readonly target: Target
  readonly reason: RouteReason
}
