import { LOCAL_GUIDE, LOCAL_LIMITS } from '@knex-flatten/sql-support'

/** Something that nobody has published, what it is taken to be, and what it might be instead. */
export interface Switch {
  /** What it is about, in a few words. */
  readonly title: string
  /** What it can be set to; `sqlstate`: any five characters that PostgreSQL could send as one. */
  readonly values: readonly [string, string, ...string[]] | 'sqlstate'
  readonly default: string
  /** What is not known, and what each value means. */
  readonly unknown: string
  /** The page that is silent about it. */
  readonly source: string
}

/**
 * How the emulator behaves where neither AWS nor anybody else says how Aurora does; the assumptions about what is forwarded
 * and what is refused are not among them: the support table has those.
 */
export const switches = {
  'savepoint-refusal': {
    title: 'When SAVEPOINT, RELEASE and ROLLBACK TO are refused',
    values: ['at-once', 'after-forwarding'],
    default: 'at-once',
    unknown:
      'AWS lists savepoints as unsupported, but not whether a transaction on the reader that has forwarded nothing yet may set one. at-once: refused wherever they stand. after-forwarding: they work until the first statement of the transaction is forwarded, and are refused from then on.',
    source: LOCAL_LIMITS,
  },
  'extension-functions': {
    title: 'Whether functions that an extension brings along count as user-defined',
    values: ['user-defined', 'built-in'],
    default: 'user-defined',
    unknown:
      'AWS lists user-defined functions as unsupported and does not say whether uuid_generate_v4(), crypt() or st_distance() are among them. user-defined: they are refused as a user’s own are. built-in: they are treated as PostgreSQL’s own; one whose body is PL/pgSQL with an EXCEPTION part stays refused by that rule.',
    source: LOCAL_LIMITS,
  },
  'refusal-sqlstate': {
    title: 'The SQLSTATE of a refusal that a plain standby would not make',
    values: 'sqlstate',
    default: '0A000',
    unknown:
      'Neither the SQLSTATE nor the words are published with which savepoints, cursors, LOCK, SET CONSTRAINTS and user-defined functions are refused. 0A000 is PostgreSQL’s feature_not_supported. What a plain standby refuses as well keeps the standby’s own SQLSTATE.',
    source: LOCAL_LIMITS,
  },
  'set-consistency-in-transaction': {
    title: 'SET apg_write_forward.consistency_mode inside a transaction',
    values: ['refused', 'allowed'],
    default: 'refused',
    unknown:
      'No page says whether the consistency mode can change while a transaction is open. refused: SQLSTATE 25001, and the transaction is aborted; allowed: it holds from the next statement on.',
    source: LOCAL_GUIDE,
  },
  'repeatable-read-hand-over': {
    title: 'The first write of a REPEATABLE READ transaction that has read on the reader',
    values: ['fresh-snapshot', 'refuse-if-stale'],
    default: 'fresh-snapshot',
    unknown:
      'No page says which snapshot the writer uses from the first forwarded statement on, nor whether it notices that what was read before has changed since. fresh-snapshot: it takes one of its own, and an UPDATE of a row that somebody has changed in between goes through. refuse-if-stale: SQLSTATE 40001 unless the snapshots of both servers are certainly the same; they count as different as soon as any transaction in any database of the cluster has ended in between, or an older one that has written is still open.',
    source: LOCAL_GUIDE,
  },
  'unknown-forwarding-parameter': {
    title: 'SET of an apg_write_forward parameter that does not exist',
    values: ['refused', 'accepted'],
    default: 'refused',
    unknown:
      'No page says whether Aurora keeps the prefix apg_write_forward for itself, as PostgreSQL’s own modules do since PostgreSQL 15. refused: SQLSTATE 42602, so that a misspelt name is noticed; accepted: as plain PostgreSQL, which takes any name that has a dot in it.',
    source: LOCAL_GUIDE,
  },
  'slots-sqlstate': {
    title: 'The SQLSTATE of a statement that finds no forwarding slot free on the writer',
    values: 'sqlstate',
    default: '53300',
    unknown:
      'AWS documents the limit (apg_write_forward.max_forwarding_connections_percent) and not the error. 53300 is PostgreSQL’s too_many_connections.',
    source: LOCAL_LIMITS,
  },
} as const satisfies Readonly<Record<string, Switch>>

type Switches = typeof switches

type SwitchId = keyof Switches

/** The value of each switch. */
export type Assumptions = {
  readonly [Id in SwitchId]: Switches[Id]['values'] extends readonly (infer Value)[] ? Value : string
}
