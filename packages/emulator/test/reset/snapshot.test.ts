import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startForwardingReader, type ForwardingReader } from '../../src/index.ts'

let reader: ForwardingReader
beforeAll(async () => {
  reader = await startForwardingReader()
})
afterAll(() => reader.stop())

const query = async (url: string, ...texts: string[]): Promise<any[]> => {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: any[] = []
    for (const text of texts) rows = [await client.query(text)].flat().at(-1)!.rows
    return rows
  } finally {
    await client.end()
  }
}
const write = (...texts: string[]): Promise<any[]> => query(reader.primaryUrl, ...texts)
const read = (text: string): Promise<any[]> => query(reader.standbyUrl, text)

const schema = `
  CREATE TYPE state AS ENUM ('placed', 'paid');
  CREATE TABLE customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, born date, extra jsonb,
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED, tags text[] DEFAULT '{}');
  CREATE TABLE "Order" (id serial PRIMARY KEY, "of" int NOT NULL REFERENCES customer ON DELETE CASCADE, state state, ratio float8, raw bytea);
  CREATE TABLE audit (at timestamptz DEFAULT now(), what text);
  CREATE TABLE measure (day date, value numeric) PARTITION BY RANGE (day);
  CREATE TABLE measure_2026 PARTITION OF measure FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE animal (name text);
  CREATE TABLE dog (barks bool) INHERITS (animal);
  CREATE SEQUENCE untouched;
  INSERT INTO animal VALUES ('any'); INSERT INTO dog VALUES ('Rex', true);
  CREATE MATERIALIZED VIEW totals AS SELECT "of", count(*) FROM "Order" GROUP BY "of";
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (TG_OP); RETURN NULL; END $$;
  CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON "Order" FOR EACH STATEMENT EXECUTE FUNCTION note();
  INSERT INTO customer (name, born, extra, tags) VALUES ('Ada', '1815-12-10', '{"a": [1, null]}', '{"x y","\\"q\\""}'), (E'O''Hara, "(x)"\\n', NULL, NULL, NULL);
  INSERT INTO "Order" ("of", state, ratio, raw) VALUES (1, 'placed', 0.1, '\\x00ff'), (2, NULL, 'NaN', NULL);
  INSERT INTO measure VALUES ('2026-05-01', 12345678901234567890.123456789);
  REFRESH MATERIALIZED VIEW totals`

/** All that a test could see; sequences on the primary, because a standby is told of them in advance. */
const everything = async (): Promise<any[]> => [
  ...(await read(
    `SELECT (SELECT json_agg(c ORDER BY id) FROM customer c) AS customers, (SELECT json_agg(o ORDER BY id) FROM "Order" o) AS orders,
            (SELECT json_agg(a ORDER BY at, what) FROM audit a) AS audit, (SELECT json_agg(m) FROM measure m) AS measures,
            (SELECT json_agg(a ORDER BY name) FROM animal a) AS animals,
            (SELECT json_agg(t ORDER BY "of") FROM totals t) AS totals,
            (SELECT json_agg(relname ORDER BY relname) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'S', 'p', 'm')) AS relations`,
  )),
  ...(await write(
    `SELECT c.last_value AS customer, o.last_value AS "order", u.is_called AS touched FROM customer_id_seq c, "Order_id_seq" o, untouched u`,
  )),
]

describe('reset', () => {
  let before: any[]
  beforeAll(async () => {
    await write(schema)
    await reader.snapshot()
    before = await everything()
  })
  beforeEach(() => reader.reset())

  it.each([
    ['inserts', `INSERT INTO customer (name) VALUES ('new'); INSERT INTO "Order" ("of") VALUES (1)`],
    [
      'updates',
      `UPDATE "Order" SET state = 'paid'; UPDATE customer SET name = 'other', tags = NULL; UPDATE ONLY animal SET name = 'other'`,
    ],
    ['deletes that cascade', 'DELETE FROM customer'],
    ['truncates', 'TRUNCATE customer, measure RESTART IDENTITY CASCADE'],
    [
      'spends numbers',
      `SELECT nextval('untouched'), nextval('customer_id_seq'), setval('"Order_id_seq"', 77)`,
    ],
    ['refreshes', `INSERT INTO "Order" ("of") VALUES (1); REFRESH MATERIALIZED VIEW totals`],
    [
      'writes into partitions',
      `INSERT INTO measure VALUES ('2026-06-01', 1); DELETE FROM measure WHERE value > 1`,
    ],
    ['rewrites', 'VACUUM FULL customer'],
    ['changes nothing', 'UPDATE customer SET name = name; SELECT 1'],
    [
      'adds to the schema',
      `CREATE SCHEMA more; CREATE TABLE more.thing (id serial PRIMARY KEY, "of" int REFERENCES customer);
       CREATE VIEW seen AS SELECT * FROM customer; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE TYPE mood AS ENUM ('fine'); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN name_ AS text;
       CREATE INDEX late ON customer (name); CREATE SEQUENCE extra`,
    ],
  ])('undoes what a test %s', async (_, sql) => {
    for (const part of sql.startsWith('VACUUM') ? [sql] : sql.split(';')) await write(part)
    await reader.reset()
    expect(await everything()).toEqual(before)
    // And all of it still works as it did.
    await write(`INSERT INTO customer (name) VALUES ('next'); INSERT INTO "Order" ("of") VALUES (3)`)
    await reader.reset()
    expect(await everything()).toEqual(before)
  })

  it('keeps the connections of a pool, with what they have prepared', async () => {
    const pool = new pg.Pool({ connectionString: reader.readerUrl, max: 1 })
    const pid = async (): Promise<number> => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    const first = await pid()
    for (let round = 0; round < 3; round++) {
      const text = 'INSERT INTO customer (name) VALUES ($1) RETURNING id'
      expect((await pool.query({ name: 'insert', text, values: ['again'] })).rows).toEqual([{ id: 3 }])
      await reader.reset()
      expect((await pool.query('SELECT count(*)::int FROM customer')).rows).toEqual([{ count: 2 }])
    }
    expect(await pid()).toBe(first)
    await pool.end()
  })

  it('ends a session that has left a transaction open, so that nothing of it comes later', async () => {
    const forgotten = new pg.Client(reader.readerUrl)
    forgotten.on('error', () => undefined)
    await forgotten.connect()
    await forgotten.query('BEGIN')
    await forgotten.query(`INSERT INTO customer (name) VALUES ('late')`)
    await reader.reset()
    await expect(forgotten.query('COMMIT')).rejects.toThrow()
    expect(await everything()).toEqual(before)
    await forgotten.end().catch(() => undefined)
  })

  it('takes back every fault, lag and latency, all at once', async () => {
    const client = new pg.Client(reader.readerUrl)
    await client.connect()
    await reader.lag.set(60_000)
    await reader.lag.pause()
    reader.latency.set(60_000)
    await reader.faults.exhaustSlots()
    await reader.faults.cutNetwork()
    await reader.faults.loseNextCommitAnswer({ applied: true })
    const waits = client.query(`SET apg_write_forward.connect_timeout = 0; UPDATE customer SET name = 'late'`)
    await expect(waits).rejects.toMatchObject({ code: '53300' })
    await reader.reset()
    expect(reader.status()).toMatchObject({
      faults: [],
      lagMs: 0,
      lagPaused: false,
      latencyMs: 0,
      crossings: 0,
    })
    expect(await everything()).toEqual(before)
    await client.query(`UPDATE customer SET name = 'heard of'`)
    expect((await client.query('SELECT DISTINCT name FROM customer')).rows).toEqual([{ name: 'heard of' }])
    await client.end()
  })

  it('waits for servers that are being restarted', async () => {
    await reader.faults.cutNetwork()
    const restarts = Promise.all([reader.faults.restartStandby(), reader.faults.crashWriter()])
    await reader.reset()
    expect(await everything()).toEqual(before)
    await restarts
  })

  it.each([
    ['columns', 'ALTER TABLE customer ADD COLUMN late int'],
    ['constraints', 'ALTER TABLE customer ADD CHECK (id > 0)'],
    [
      'functions',
      `CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    ],
    ['triggers', 'DROP TRIGGER noted ON "Order"'],
    ['tables', 'DROP TABLE audit'],
    ['enums', `ALTER TYPE state ADD VALUE 'sent'`],
  ])('says that %s were changed, and what to do', async (what, sql) => {
    const own = await reader.database(`changed_${what}`)
    await query(own.primaryUrl, schema)
    await own.snapshot()
    await query(own.primaryUrl, sql)
    await expect(own.reset()).rejects.toMatchObject({
      code: 'EMULATOR_RESET',
      message: expect.stringMatching(new RegExp(`changed: .*${what}.*reset\\(\\{ to: 'empty' \\}\\)`)),
    })
    await own.reset({ to: 'empty' })
    await query(own.primaryUrl, 'CREATE TABLE fresh (id int)')
    await own.reset()
    expect(await query(own.standbyUrl, `SELECT to_regclass('fresh') AS fresh`)).toEqual([{ fresh: null }])
    await own.drop()
  })
})

describe('a database of its own', () => {
  it('has its own contents and counters', async () => {
    const [one, two] = [await reader.database('one'), await reader.database('two')]
    await query(one.primaryUrl, 'CREATE TABLE t (id int)')
    await one.snapshot()
    await query(one.readerUrl, 'INSERT INTO t VALUES (1)')
    await expect(query(one.readerUrl, 'SAVEPOINT a')).rejects.toMatchObject({ code: '0A000' })
    await query(two.primaryUrl, 'CREATE TABLE other (id int)')
    await query(two.readerUrl, 'INSERT INTO other VALUES (1)', 'INSERT INTO other VALUES (2)')
    expect([one.crossings().total, two.crossings().total]).toEqual([1, 2])
    expect(one.crossings().transactions.map(({ statements }) => statements)).toEqual([
      ['INSERT INTO t VALUES (1)'],
    ])
    expect([one.refusals(), two.refusals()]).toEqual([[{ rule: 'savepoint', statement: 'SAVEPOINT a' }], []])
    expect(reader.crossings().total).toBeGreaterThanOrEqual(3)
    await one.reset()
    expect([one.crossings().total, one.refusals(), two.crossings().total]).toEqual([0, [], 2])
    expect(await query(one.readerUrl, 'SELECT count(*)::int FROM t')).toEqual([{ count: 0 }])
    expect(await query(two.readerUrl, 'SELECT count(*)::int FROM other')).toEqual([{ count: 2 }])
    expect(await reader.database('one')).toBe(one)
    await Promise.all([one.drop(), two.drop()])
    await expect(query(one.readerUrl, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })
  })

  it('may be a copy of another, in which nobody is', async () => {
    const origin = await reader.database('origin')
    await query(origin.primaryUrl, `CREATE TABLE t AS SELECT 'migrated' AS state`)
    const client = new pg.Client(origin.primaryUrl)
    await client.connect()
    await expect(reader.database('copy', { from: 'origin' })).rejects.toMatchObject({
      code: 'EMULATOR_RESET',
      message: expect.stringMatching(
        /^Database copy was not created from origin: .*There is 1 other session.*End those/,
      ),
    })
    await client.end()
    const left = async () =>
      (await write(`SELECT count(*)::int FROM pg_stat_activity WHERE datname = 'origin'`))[0].count
    await expect.poll(left).toBe(0)
    const copy = await reader.database('copy', { from: 'origin' })
    expect(await query(copy.readerUrl, 'SELECT * FROM t')).toEqual([{ state: 'migrated' }])
  })
})
