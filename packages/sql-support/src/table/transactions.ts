import type { RuleId } from '../statement.ts'
import { FORWARDED, GLOBAL_GUIDE, LOCAL_LIMITS, REFUSED, REFUSED_LOCALLY } from './entry.ts'
import type { SupportRow } from './entry.ts'

export const TRANSACTION_RULES = {
  savepoint: {
    title: 'Savepoints: SAVEPOINT, RELEASE, ROLLBACK TO',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'A forwarded transaction cannot be rolled back in part: AWS lists savepoints as unsupported. Knex sends one for every transaction opened on a transaction.',
    source: LOCAL_LIMITS,
    instead:
      'Wrap the Knex instance with flatten(knex), so that trx.transaction(…) opens a scope of the one transaction; or pass trx on instead of opening another.',
  },
  serializable: {
    title: 'SERIALIZABLE isolation',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'refuses',
    why: 'A hot standby cannot run SERIALIZABLE ("cannot use serializable mode in a hot standby"), and AWS lists it as unsupported with forwarding.',
    source: LOCAL_LIMITS,
    instead: "Use { isolationLevel: 'repeatable read' } with a retry, or run the transaction on the writer.",
  },
  'read-write': {
    title: 'A transaction declared READ WRITE',
    verdicts: FORWARDED,
    sqlstate: '0A000',
    standby: 'refuses',
    why: 'A plain standby refuses it ("cannot set transaction read-write mode during recovery"); only where forwarding is on does the reader take it.',
    source: GLOBAL_GUIDE,
    instead: 'Leave READ WRITE away: a transaction is read-write unless it says READ ONLY.',
  },
  'set-constraints': {
    title: 'SET CONSTRAINTS',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'The time at which constraints are checked cannot be changed in a forwarded transaction: AWS lists SET CONSTRAINTS as unsupported.',
    source: LOCAL_LIMITS,
    instead:
      'Declare the constraint INITIALLY DEFERRED, order the statements, or run the transaction on the writer.',
  },
  'lock-table': {
    title: 'LOCK TABLE',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'Table locks are not forwarded: a lock taken on the reader would exclude nobody on the writer. AWS lists LOCK as unsupported.',
    source: LOCAL_LIMITS,
    instead:
      'Lock rows, which is forwarded: .forUpdate() on the rows (or on one agreed row), or run on the writer.',
  },
  'two-phase': {
    title: 'Two-phase commit: PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED',
    verdicts: REFUSED_LOCALLY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'Prepared transactions belong to the server that prepared them; a reader cannot prepare one.',
    source: LOCAL_LIMITS,
    instead: 'Run the transaction on the writer.',
  },
} satisfies Partial<Record<RuleId, SupportRow>>
