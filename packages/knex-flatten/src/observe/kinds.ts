import type { ObservationKind } from './observation.ts'

/** What a kind of observation means to who has to decide. */
interface Explanation {
  /** What Knex does now. */
  readonly now: string
  readonly flattened: string
}

export const explanations: Readonly<Record<ObservationKind, Explanation>> = {
  'scope-undone-alone': {
    now: 'A nested transaction failed and was undone alone; the transaction around it was committed.',
    flattened: 'all of it is rolled back and rejected with UnexpectedRollbackError.',
  },
  'commit-was-rollback': {
    now: 'A statement failed, its error was swallowed, PostgreSQL answered the COMMIT with ROLLBACK, and Knex reported success.',
    flattened: 'it is rejected with UnexpectedRollbackError; nothing is stored either way.',
  },
  'went-on-after-failure': {
    now: 'A transaction went on after something nested in it had failed, and was rolled back in the end.',
    flattened:
      'what came after the failure is refused with RollbackOnlyError: callers may see that error instead of theirs.',
  },
  'scope-left-open': {
    now: 'A transaction was committed while one nested in it was still running.',
    flattened: 'it is rolled back and rejected with ScopeStillOpenError: an await is missing.',
  },
  'sibling-inside-scope': {
    now: 'Inside a nested transaction another one was opened on the transaction around it; awaited there, Knex waits for ever.',
    flattened: 'it opens inside the running one, and does not hang.',
  },
  'scope-waits-in-vain': {
    now: 'A nested transaction waited for acquireConnectionTimeout behind an open sibling, and Knex lets it wait for ever.',
    flattened: 'it is refused with ScopeStillOpenError, and the transaction can only be rolled back.',
  },
  'commit-failure-untold': {
    now: 'commit() resolved although nothing was committed; only the promise of the transaction told.',
    flattened: 'commit() is rejected too.',
  },
  'ended-twice': {
    now: 'A transaction was ended a second time, by commit() or rollback(), in a way Knex answers wrongly.',
    flattened: 'the first end counts; commit() after rollback() is rejected.',
  },
  'callback-without-transaction': {
    now: 'BEGIN or SAVEPOINT failed, and the callback was run all the same, on a transaction that was not there.',
    flattened: 'it is rejected, and the callback is not run.',
  },
  'option-ignored': {
    now: 'A nested transaction asked for what the one around it does not give (isolation level, durable, write access), and Knex ignored that.',
    flattened: 'it is refused.',
  },
  'write-in-read-only-scope': {
    now: 'A nested transaction with readOnly wrote, since Knex ignores the option there.',
    flattened: 'the statement is refused with ReadOnlyUpgradeError.',
  },
  'connection-in-transaction': {
    now: 'A transaction was given a connection that was inside another one, which its COMMIT ended early.',
    flattened: 'it is refused with TransactionOptionsError.',
  },
  'other-places': {
    now: 'There were more places than are kept one by one.',
    flattened: 'whatever they are; see to the ones above first.',
  },
}
