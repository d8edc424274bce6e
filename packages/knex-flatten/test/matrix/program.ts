/** How a transaction or a nested one is opened. */
export const forms = [
  'callback',
  'promise',
  'savepoint',
  'provider',
  'batchInsert',
  'objection',
  'migration',
] as const
export type Form = (typeof forms)[number]

/** What goes wrong. */
export const failures = ['application', 'sql', 'unique', 'deferred', 'lost'] as const
export type Failure = (typeof failures)[number]

/** A transaction or a nested one: it does its steps, and succeeds unless one of them throws. */
export interface Block {
  readonly form: Form
  readonly steps: readonly Step[]
}

export type Step =
  /** Inserts a row of its own. */
  | { readonly do: 'insert'; readonly id: number }
  | { readonly do: 'fail'; readonly how: Failure; readonly swallow: boolean }
  /** Opens nested transactions, at once if there are several, and waits for all; the first rejection is thrown. */
  | { readonly do: 'open'; readonly blocks: readonly Block[]; readonly swallow: boolean }
