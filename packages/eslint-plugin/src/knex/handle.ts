/**
 * What an expression holds: a transaction for certain, a plain Knex, a declared union of both, neither, or nothing that can be told.
 * Nullish parts do not count: `Knex.Transaction | undefined` is a transaction.
 */
export type Handle = 'transaction' | 'knex' | 'either' | 'none' | 'unknown'
