import type { RuleId } from '../statement.ts'
import {
  FORWARDED_PERHAPS,
  HOT_STANDBY,
  LOCAL_LIMITS,
  LOCAL_PERHAPS,
  REFUSED,
  REFUSED_BY_STANDBY,
  REFUSED_LOCALLY,
} from './entry.ts'
import type { SupportRow } from './entry.ts'

export const CODE_RULES = {
  'user-function': {
    title: 'User-defined functions and procedures',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'AWS lists user-defined functions and procedures as unsupported. That every name which PostgreSQL or Aurora does not bring along counts as one, functions of extensions (uuid_generate_v4, crypt, st_distance …) included, is an assumption of this project: AWS does not say so.',
    source: LOCAL_LIMITS,
    instead: 'Compute it in the statement or in the application, or run the statement on the writer.',
  },
  'plpgsql-exception': {
    title: 'A PL/pgSQL block with EXCEPTION',
    verdicts: REFUSED_LOCALLY,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'Such a block sets a savepoint in disguise, and savepoints are not supported.',
    source: LOCAL_LIMITS,
    instead: 'Avoid the error beforehand, or handle it in the application by retrying the whole transaction.',
  },
  'do-block': {
    title: 'DO',
    verdicts: FORWARDED_PERHAPS,
    sqlstate: '25006',
    standby: 'allows',
    why: 'What an anonymous block does is known only when it runs, and AWS does not say whether one that writes is forwarded.',
    source: LOCAL_LIMITS,
    instead: 'Send the statements of the block one by one, or run it on the writer.',
  },
  'advisory-lock': {
    title: 'Advisory locks: pg_advisory_lock() and the rest',
    verdicts: LOCAL_PERHAPS,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'They succeed, but on the reader alone: they exclude nobody on the writer or on another reader. AWS does not mention them.',
    source: HOT_STANDBY,
    instead:
      'Lock an agreed row with .forUpdate(), which is forwarded, or take the advisory lock on the writer.',
  },
  'writer-function': {
    title:
      'Built-in functions that need a writer: txid_current(), pg_current_xact_id(), pg_current_wal_lsn(), pg_switch_wal() …',
    verdicts: REFUSED_BY_STANDBY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'They ask for a transaction id or write the log, which a server in recovery cannot do (25006, or 55000 "recovery is in progress"), and a SELECT is not forwarded.',
    source: HOT_STANDBY,
    instead: 'txid_current_if_assigned(), pg_last_wal_replay_lsn(), or ask the writer.',
  },
  unparsed: {
    title: 'A text that does not parse',
    verdicts: FORWARDED_PERHAPS,
    sqlstate: '42601',
    standby: 'refuses',
    why: "PostgreSQL's own grammar does not read it, so nothing is known of it. It counts as a write, and the server says what is wrong.",
    source: 'https://www.postgresql.org/docs/16/sql-commands.html',
    instead: 'Correct the statement; the server names the offending word.',
  },
} satisfies Partial<Record<RuleId, SupportRow>>
