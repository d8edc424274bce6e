import type { RuleId } from '../statement.ts'
import { HOT_STANDBY, LOCAL_LIMITS, REFUSED, REFUSED_BY_STANDBY, REFUSED_LOCALLY } from './entry.ts'
import type { SupportRow } from './entry.ts'

const ON_WRITER =
  'Run it on the writer; migrations and schema building need a Knex instance that points there.'

export const DEFINITION_RULES = {
  ddl: {
    title:
      'DDL: CREATE, ALTER, DROP, GRANT, REVOKE, COMMENT, REASSIGN OWNED, SECURITY LABEL, REFRESH MATERIALIZED VIEW',
    verdicts: REFUSED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'Definitions and privileges are not forwarded, and a reader cannot change them.',
    source: LOCAL_LIMITS,
    instead: ON_WRITER,
  },
  'select-into': {
    title: 'SELECT INTO',
    verdicts: REFUSED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'It creates a table, and DDL is not forwarded.',
    source: LOCAL_LIMITS,
    instead: 'INSERT … SELECT into a table that exists, which is forwarded whole.',
  },
  truncate: {
    title: 'TRUNCATE',
    verdicts: REFUSED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'TRUNCATE is not forwarded, and a reader cannot run it.',
    source: LOCAL_LIMITS,
    instead: '.del() without a condition, which is forwarded; or truncate on the writer.',
  },
  maintenance: {
    title: 'Maintenance: VACUUM, ANALYZE, CLUSTER',
    verdicts: REFUSED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'Maintenance works on the storage of the writer; AWS lists ANALYZE, CLUSTER and VACUUM as unsupported.',
    source: LOCAL_LIMITS,
    instead: ON_WRITER,
  },
  reindex: {
    title: 'REINDEX',
    verdicts: REFUSED_BY_STANDBY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'It works on the storage of the writer, as VACUUM does, and a hot standby refuses it in the same words; AWS does not list it.',
    source: LOCAL_LIMITS,
    instead: ON_WRITER,
  },
  'temp-table': {
    title: 'Temporary tables',
    verdicts: REFUSED_BY_STANDBY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'Creating a temporary table writes to the catalog, which a reader cannot do. AWS does not mention them.',
    source: HOT_STANDBY,
    instead:
      'A WITH query, a VALUES list or unnest($1) in place of the table; or run the transaction on the writer.',
  },
  copy: {
    title: 'COPY, in both directions',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'AWS lists COPY as unsupported while forwarding is on. A plain standby runs COPY TO and refuses COPY FROM with 25006.',
    source: LOCAL_LIMITS,
    instead: 'Multi-row .insert([...]), in chunks; SELECT for reading; or COPY on the writer.',
  },
  'listen-notify': {
    title: 'LISTEN, NOTIFY, pg_notify()',
    verdicts: REFUSED_LOCALLY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'Notifications neither arrive on nor start from a reader.',
    source: LOCAL_LIMITS,
    instead: 'Hold one connection to the writer for LISTEN and NOTIFY, or use a queue table.',
  },
  'large-object': {
    title: 'Writing large objects: lo_create(), lo_put(), lo_unlink() and the rest',
    verdicts: REFUSED_BY_STANDBY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'They change the catalog through a function, which is not forwarded; a reader refuses it. Reading one (lo_get) works.',
    source: HOT_STANDBY,
    instead: 'Store the bytes in a bytea column, or write large objects on the writer.',
  },
} satisfies Partial<Record<RuleId, SupportRow>>
