import { GLOBAL_GUIDE, LOCAL_GUIDE } from '@knex-flatten/sql-support'
import type { ConformanceCase } from '../case.ts'

const ranOn = 'pg_is_in_recovery() AS in_recovery'
const onReader = { ranOn: 'reader' } as const
const onWriter = { ranOn: 'writer' } as const
const documented = { known: 'documented', source: LOCAL_GUIDE } as const
const unknown = { known: 'unknown', source: LOCAL_GUIDE } as const

/** What is forwarded, and where it runs. */
export const forwardingCases: readonly ConformanceCase[] = [
  {
    ...documented,
    id: 'read-stays',
    title: 'A read runs on the reader',
    tells: 'reads',
    steps: [
      { sql: `SELECT ${ranOn}`, expect: onReader },
      { sql: `SELECT ${ranOn} WHERE 1 = $1`, values: [1], expect: onReader },
    ],
  },
  {
    ...documented,
    id: 'dml-forwards',
    title: 'INSERT, UPDATE and DELETE run on the writer',
    tells: 'dml',
    steps: [
      { sql: `INSERT INTO {schema}.item VALUES (2, 'two') RETURNING ${ranOn}`, expect: onWriter },
      {
        sql: `INSERT INTO {schema}.item VALUES ($1, $2) RETURNING ${ranOn}`,
        values: [3, 'three'],
        expect: onWriter,
      },
      { sql: `UPDATE {schema}.item SET name = 'x' WHERE id = 2 RETURNING ${ranOn}`, expect: onWriter },
      { sql: `DELETE FROM {schema}.item WHERE id = 2 RETURNING ${ranOn}`, expect: onWriter },
    ],
  },
  {
    ...documented,
    id: 'whole-statement',
    title: 'A statement of several parts is forwarded whole',
    tells: 'dml',
    steps: [
      {
        sql: `INSERT INTO {schema}.item SELECT id + 10, ${ranOn.split(' ')[0]!}::text FROM {schema}.item RETURNING name`,
        expect: { rows: [['false']] },
      },
      {
        sql: `DELETE FROM {schema}.item USING {schema}.item o WHERE o.id = item.id RETURNING ${ranOn}`,
        expect: onWriter,
      },
    ],
  },
  ...['UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE'].map((lock) => ({
    ...documented,
    id: `lock-for-${lock.toLowerCase().replaceAll(' ', '-')}`,
    title: `SELECT FOR ${lock} runs on the writer`,
    tells: 'row-lock',
    steps: [{ sql: `SELECT ${ranOn} FROM {schema}.item FOR ${lock}`, expect: onWriter }],
  })),
  {
    ...documented,
    id: 'prepare-execute',
    title: 'PREPARE and EXECUTE of a write are accepted',
    tells: 'prepare',
    steps: [
      {
        sql: `PREPARE p AS INSERT INTO {schema}.item VALUES ($1) RETURNING ${ranOn}`,
        expect: { tag: 'PREPARE' },
      },
      { sql: 'EXECUTE p(7)', expect: onWriter },
      { sql: 'DEALLOCATE p', expect: {} },
    ],
  },
  {
    ...documented,
    id: 'explain',
    title: 'EXPLAIN of a write runs nothing',
    tells: 'explain',
    steps: [
      { sql: 'EXPLAIN DELETE FROM {schema}.item', expect: {} },
      { sql: 'SELECT count(*) FROM {schema}.item', expect: { rows: [['1']] } },
    ],
  },
  {
    ...documented,
    id: 'own-committed-write',
    title: 'In mode session a session sees what it has committed',
    tells: 'consistency',
    steps: [
      { sql: "SET apg_write_forward.consistency_mode = 'session'", expect: {} },
      { sql: "UPDATE {schema}.item SET name = 'new'", expect: { tag: 'UPDATE' } },
      { sql: `SELECT name FROM {schema}.item`, expect: { rows: [['new']] } },
      { sql: `SELECT ${ranOn} FROM {schema}.item`, expect: onReader },
    ],
  },
  {
    ...documented,
    id: 'own-uncommitted-write',
    title: 'In mode session a transaction sees its own changes, and nobody else does',
    tells: 'consistency',
    steps: [
      { sql: "SET apg_write_forward.consistency_mode = 'session'", expect: {} },
      { sql: 'BEGIN', expect: {} },
      { sql: "UPDATE {schema}.item SET name = 'new'", expect: { tag: 'UPDATE' } },
      { sql: 'SELECT name FROM {schema}.item', expect: { rows: [['new']] } },
      { session: 'b', on: 'writer', sql: 'SELECT name FROM {schema}.item', expect: { rows: [['one']] } },
      { sql: 'COMMIT', expect: { tag: 'COMMIT' } },
      { session: 'b', on: 'writer', sql: 'SELECT name FROM {schema}.item', expect: { rows: [['new']] } },
    ],
  },
  {
    ...documented,
    id: 'read-after-write',
    title: 'A read stays on the reader, after a write of its transaction too',
    tells: 'reads',
    steps: [
      { sql: 'BEGIN', expect: {} },
      { sql: "UPDATE {schema}.item SET name = 'new'", expect: {} },
      {
        sql: `SELECT ${ranOn} FROM {schema}.item`,
        expect: onReader,
        emulator: {
          expect: onWriter,
          reason:
            'a plain standby cannot show uncommitted rows, so the whole transaction moves to the primary at its first write',
        },
      },
      { sql: 'ROLLBACK', expect: { tag: 'ROLLBACK' } },
    ],
  },
  {
    ...documented,
    id: 'global-sees-others',
    title: 'In mode global a read sees what was committed elsewhere before it began',
    tells: 'consistency',
    steps: [
      { sql: "SET apg_write_forward.consistency_mode = 'global'", expect: {} },
      { session: 'b', on: 'writer', sql: "UPDATE {schema}.item SET name = 'theirs'", expect: {} },
      { sql: 'SELECT name FROM {schema}.item', expect: { rows: [['theirs']] } },
    ],
  },
  {
    ...documented,
    id: 'rollback',
    title: 'A forwarded transaction that is rolled back leaves nothing',
    tells: 'transactions',
    steps: [
      { sql: 'BEGIN', expect: {} },
      { sql: "INSERT INTO {schema}.item VALUES (2, 'two')", expect: { tag: 'INSERT' } },
      { sql: 'ROLLBACK', expect: { tag: 'ROLLBACK' } },
      { session: 'b', on: 'writer', sql: 'SELECT count(*) FROM {schema}.item', expect: { rows: [['1']] } },
    ],
  },
  ...['READ COMMITTED', 'REPEATABLE READ'].map((level) => ({
    ...documented,
    id: `isolation-${level.toLowerCase().replace(' ', '-')}`,
    title: `${level} is accepted for a transaction that writes`,
    tells: 'isolation',
    steps: [
      { sql: `BEGIN ISOLATION LEVEL ${level}`, expect: { tag: 'BEGIN' } },
      { sql: 'SHOW transaction_isolation', expect: { rows: [[level.toLowerCase()]] } },
      { sql: "UPDATE {schema}.item SET name = 'new'", expect: { tag: 'UPDATE' } },
      { sql: 'COMMIT', expect: { tag: 'COMMIT' } },
    ],
  })),
  {
    ...documented,
    source: GLOBAL_GUIDE,
    id: 'read-only-transaction',
    title: 'A READ ONLY transaction is never forwarded',
    tells: 'read-only',
    steps: [
      { sql: 'BEGIN READ ONLY', expect: {} },
      { sql: `SELECT ${ranOn}`, expect: onReader },
      { sql: "UPDATE {schema}.item SET name = 'new'", expect: { sqlstate: ['25006'] } },
      { sql: 'COMMIT', expect: { tag: 'ROLLBACK' } },
    ],
  },
  {
    ...unknown,
    id: 'sequence-default',
    title: 'A column default that calls nextval() is evaluated where the INSERT runs',
    tells: 'defaults',
    setup: ['CREATE TABLE {schema}.counted (id serial PRIMARY KEY, name text)'],
    steps: [
      { sql: "INSERT INTO {schema}.counted (name) VALUES ('a') RETURNING id", expect: { rows: [['1']] } },
      {
        sql: 'INSERT INTO {schema}.counted (name) VALUES ($1) RETURNING id',
        values: ['b'],
        expect: { rows: [['2']] },
      },
    ],
  },
  {
    ...unknown,
    id: 'trigger-exception',
    title: 'A trigger with an EXCEPTION part may be fired by a forwarded statement',
    tells: 'triggers',
    setup: [
      `CREATE FUNCTION {schema}.stamp() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.name := 1 / 0; RETURN NEW; EXCEPTION WHEN others THEN NEW.name := ''caught''; RETURN NEW; END'`,
      'CREATE TRIGGER stamp BEFORE UPDATE ON {schema}.item FOR EACH ROW EXECUTE FUNCTION {schema}.stamp()',
    ],
    steps: [{ sql: "UPDATE {schema}.item SET name = 'x' RETURNING name", expect: { rows: [['caught']] } }],
  },
  {
    ...unknown,
    id: 'settings-travel',
    title: 'Session settings reach the writer with a forwarded statement',
    tells: 'settings',
    steps: [
      { sql: "SET TIME ZONE 'Asia/Tokyo'", expect: {} },
      { sql: 'SET search_path = {schema}', expect: {} },
      {
        sql: "UPDATE item SET name = current_setting('TimeZone') RETURNING name",
        expect: { rows: [['Asia/Tokyo']] },
      },
      { sql: 'BEGIN', expect: {} },
      { sql: "SET LOCAL app.user_id = '42'", expect: {} },
      {
        sql: "UPDATE item SET name = current_setting('app.user_id', true) RETURNING name",
        expect: { rows: [['42']] },
      },
      { sql: 'COMMIT', expect: { tag: 'COMMIT' } },
    ],
  },
]
