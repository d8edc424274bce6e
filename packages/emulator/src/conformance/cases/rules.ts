import { resolveProfile, ruleIds, supportTable, type RuleId } from '@knex-flatten/sql-support'
import type { Assumed } from '../../assumptions/assumptions.ts'
import type { Assumptions } from '../../assumptions/switches.ts'
import type { ConformanceCase, Expectation, Step } from '../case.ts'

/** A statement that touches one rule and no other. */
interface Example {
  readonly sql: string
  /** It makes sense only inside a transaction, or only outside one. */
  readonly only?: 'inside' | 'outside'
  /** It tells where it ran. */
  readonly tells?: true
  /** What it comes to whatever the verdict is. */
  readonly always?: Expectation
  /** What the standby answers that runs it, where that is no success. */
  readonly onStandby?: string
  /** What a standby before version 16 answers instead, which finds out later. */
  readonly before16?: string
  readonly protocol?: 'parts'
  readonly setup?: readonly string[]
}

const ranOn = 'pg_is_in_recovery() AS in_recovery'

const examples: Readonly<Record<RuleId, Example>> = {
  savepoint: { sql: 'SAVEPOINT a', only: 'inside' },
  serializable: { sql: 'BEGIN ISOLATION LEVEL SERIALIZABLE', only: 'outside' },
  'read-write': { sql: 'BEGIN READ WRITE', only: 'outside', always: { tag: 'BEGIN' } },
  'set-constraints': { sql: 'SET CONSTRAINTS ALL DEFERRED', only: 'inside' },
  'lock-table': { sql: 'LOCK TABLE {schema}.item IN ROW SHARE MODE', only: 'inside' },
  'two-phase': { sql: "PREPARE TRANSACTION '{schema}'", only: 'inside' },
  'row-lock': { sql: `SELECT ${ranOn} FROM {schema}.item FOR UPDATE`, tells: true },
  'on-conflict': {
    sql: `INSERT INTO {schema}.item VALUES (1, 'two') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING ${ranOn}`,
    tells: true,
  },
  merge: {
    sql: "MERGE INTO {schema}.item USING (VALUES (1)) AS v (id) ON item.id = v.id WHEN MATCHED THEN UPDATE SET name = 'm'",
  },
  'writing-cte': {
    sql: `WITH new AS (UPDATE {schema}.item SET name = 'w' RETURNING ${ranOn}) SELECT * FROM new`,
    tells: true,
  },
  'explain-analyze': { sql: "EXPLAIN ANALYZE UPDATE {schema}.item SET name = 'e'" },
  sequence: { sql: "SELECT nextval('{schema}.numbers')", setup: ['CREATE SEQUENCE {schema}.numbers'] },
  cursor: { sql: 'DECLARE c CURSOR FOR SELECT 1', only: 'inside' },
  'portal-fetch': { sql: `SELECT ${ranOn} FROM generate_series(1, 3)`, tells: true, protocol: 'parts' },
  ddl: { sql: 'CREATE TABLE {schema}.other ()' },
  'select-into': { sql: 'SELECT 1 AS one INTO {schema}.other' },
  truncate: { sql: 'TRUNCATE {schema}.item' },
  maintenance: { sql: 'ANALYZE {schema}.item' },
  reindex: { sql: 'REINDEX TABLE {schema}.item' },
  'temp-table': { sql: 'CREATE TEMP TABLE other (id int)' },
  copy: { sql: 'COPY {schema}.item TO STDOUT' },
  'listen-notify': { sql: 'LISTEN {schema}' },
  'large-object': { sql: 'SELECT lo_create(0)', before16: 'XX000' },
  'user-function': {
    sql: `SELECT {schema}.twice(1), ${ranOn}`,
    tells: true,
    setup: ["CREATE FUNCTION {schema}.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'"],
  },
  'plpgsql-exception': { sql: 'DO $$ BEGIN PERFORM 1; EXCEPTION WHEN others THEN NULL; END $$' },
  'do-block': { sql: "DO $$ BEGIN UPDATE {schema}.item SET name = 'd'; END $$", onStandby: '25006' },
  'advisory-lock': { sql: `SELECT pg_advisory_xact_lock(1), ${ranOn}`, tells: true },
  'writer-function': { sql: 'SELECT txid_current()' },
  unparsed: { sql: 'SELEKT 1', always: { sqlstate: ['42601'] } },
}

/** A case for each rule of the support table, expecting what is assumed of it. */
export function ruleCases(assumed: Assumed): readonly ConformanceCase[] {
  const { verdicts } = resolveProfile(assumed.profile)
  return ruleIds.map((id) => {
    const { title, source } = supportTable[id]
    const { verdict, known } = verdicts[id]
    const { setup } = examples[id]
    return {
      id: `rule-${id}`,
      title: `${title}: ${verdict}`,
      tells: id,
      known,
      source,
      ...(setup && { setup }),
      steps: stepsOf(id, expectationOf(id, assumed), assumed.assumptions),
    }
  })
}

function expectationOf(id: RuleId, { profile, assumptions }: Assumed): Expectation {
  const { always, tells, onStandby, before16 } = examples[id]
  if (always) return always
  const { sqlstate, standby } = supportTable[id]
  const { verdict } = resolveProfile(profile).verdicts[id]
  if (standby === 'refuses' && verdict !== 'forward') {
    return { sqlstate: before16 === undefined ? [sqlstate] : [sqlstate, before16] }
  }
  if (verdict === 'refuse') return { sqlstate: [assumptions['refusal-sqlstate']] }
  if (verdict === 'local' && onStandby !== undefined) return { sqlstate: [onStandby] }
  return tells ? { ranOn: verdict === 'forward' ? 'writer' : 'reader' } : {}
}

/** Outside a transaction and inside one, as a simple query and in the extended protocol, each on a session of its own. */
function stepsOf(id: RuleId, expect: Expectation, assumptions: Assumptions): Step[] {
  const { sql, only, protocol } = examples[id]
  const protocols = protocol ? [protocol] : (['simple', 'extended'] as const)
  const late = id === 'savepoint' && assumptions['savepoint-refusal'] === 'after-forwarding'
  const steps: Step[] = []
  for (const each of protocols) {
    if (only !== 'inside') steps.push({ session: `outside, ${each}`, sql, protocol: each, expect })
    if (only === 'outside') continue
    const session = `inside, ${each}`
    const refused = expect.sqlstate !== undefined
    steps.push(
      { session, sql: 'BEGIN', expect: { tag: 'BEGIN' } },
      ...(late ? [{ session, sql: "UPDATE {schema}.item SET name = 'x'", expect: {} }] : []),
      { session, sql, protocol: each, expect },
      ...(refused ? [{ session, sql: 'SELECT 1', expect: { sqlstate: ['25P02'] } }] : []),
      { session, sql: 'COMMIT', expect: { tag: refused ? 'ROLLBACK' : 'COMMIT' } },
    )
  }
  return steps
}
