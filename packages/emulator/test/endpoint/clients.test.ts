import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Cursor from 'pg-cursor'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { installed } from './installed.ts'
import { errorOf, noItems, useRig } from './rig.ts'

const run = promisify(execFile)

const rig = useRig({
  once: 'CREATE TABLE item (id int PRIMARY KEY, name text, data bytea, made timestamptz)',
  each: noItems,
})

describe('node-postgres', () => {
  it('keeps values whole, both ways', async () => {
    const client = await rig.reader()
    const data = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 256))
    const made = new Date('2024-02-29T12:00:00.123Z')
    const sql = 'INSERT INTO item VALUES ($1, $2, $3, $4) RETURNING *'
    const values = [1, 'größer 🐘', data, made]
    const { rows } = await client.query({ name: 'insert', text: sql, values })
    rows.push(...(await client.query('SELECT * FROM item')).rows)
    const binary = { text: 'SELECT * FROM item', values: [], binary: true }
    rows.push(...(await client.query(binary)).rows)
    expect(rows).toHaveLength(3)
    for (const row of rows) {
      expect([row.id, row.name, data.equals(row.data), row.made]).toEqual([1, 'größer 🐘', true, made])
    }
  })

  it('uses a named statement on either server', async () => {
    const client = await rig.reader()
    const read = { name: 'read', text: 'SELECT count(*)::int FROM item' }
    const write = { name: 'write', text: 'INSERT INTO item (id) VALUES ($1)' }
    for (let id = 0; id < 10; id++) {
      await client.query(id % 2 ? 'BEGIN' : 'SELECT 1')
      await client.query({ ...write, values: [id] })
      expect((await client.query(read)).rows[0].count).toBe(id + 1)
      if (id % 2) await client.query('COMMIT')
    }
  })
})

describe('pg-cursor', () => {
  it('reads in parts on either server, and goes on after an error', async () => {
    const client = await rig.reader()
    await client.query('INSERT INTO item SELECT n FROM generate_series(1, 10) AS n')
    for (const moved of [false, true]) {
      await client.query('BEGIN')
      if (moved) await client.query("UPDATE item SET name = 'seen' WHERE id = 1")
      const cursor = client.query(new Cursor('SELECT id, name FROM item WHERE id > $1 ORDER BY id', [0]))
      const parts: unknown[][] = []
      for (let rows = await cursor.read(4); rows.length > 0; rows = await cursor.read(4)) parts.push(rows)
      expect(parts.map(({ length }) => length)).toEqual([4, 4, 2])
      expect(parts[0]?.[0]).toEqual({ id: 1, name: moved ? 'seen' : null })
      await cursor.close()
      await client.query('COMMIT')
    }
    const writing = client.query(
      new Cursor('INSERT INTO item SELECT n FROM generate_series(11, 20) AS n RETURNING id'),
    )
    expect(await writing.read(7)).toHaveLength(7)
    expect(await writing.read(7)).toHaveLength(3)
    await writing.close()
    expect((await client.query('SELECT count(*)::int FROM item')).rows).toEqual([{ count: 20 }])
    expect((await errorOf(client.query(new Cursor('SELECT 1/0')).read(1))).code).toBe('22012')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('closed early leaves the session usable', async () => {
    const client = await rig.reader()
    const cursor = client.query(new Cursor('SELECT generate_series(1, 100000)'))
    await cursor.read(10)
    await cursor.close()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

describe('postgres.js', () => {
  const connect = () =>
    postgres({
      host: rig.endpoint.host,
      port: rig.endpoint.port,
      user: 'postgres',
      database: 'postgres',
      max: 3,
      onnotice: () => undefined,
    })

  it('reads, writes and runs transactions', async () => {
    const sql = connect()
    await Promise.all(
      Array.from({ length: 30 }, (_, id) => sql`INSERT INTO item (id, name) VALUES (${id}, ${'x'})`),
    )
    const total = await sql.begin(async (tx) => {
      await tx`UPDATE item SET name = 'y' WHERE id < ${10}`
      return (await tx`SELECT count(*)::int AS n FROM item WHERE name = 'y'`)[0]?.n as number
    })
    expect(total).toBe(10)
    await sql.end()
  })

  it('pipelines within a transaction, and rolls back on error', async () => {
    const sql = connect()
    const error = await errorOf(
      sql.begin((tx) => [
        tx`INSERT INTO item (id) VALUES (1)`,
        tx`SELECT 1`,
        tx`INSERT INTO item (id) VALUES (1)`,
      ]),
    )
    expect(error).toMatchObject({
      code: '23505',
      where: 'WriteForward command: INSERT INTO item (id) VALUES (1)',
    })
    expect(await sql`SELECT * FROM item`).toHaveLength(0)
    await sql.end()
  })

  it('is told that savepoints are refused', async () => {
    const sql = connect()
    const error = await errorOf(
      sql.begin(async (tx) => {
        await tx`INSERT INTO item (id) VALUES (1)`
        await tx.savepoint((inner) => inner`INSERT INTO item (id) VALUES (2)`)
      }),
    )
    expect(error.code).toBe('0A000')
    expect(await sql`SELECT * FROM item`).toHaveLength(0)
    await sql.end()
  })

  it('reads with a cursor', async () => {
    const sql = connect()
    const sizes: number[] = []
    await sql`SELECT * FROM generate_series(1, 25)`.cursor(10, (rows) => void sizes.push(rows.length))
    expect(sizes).toEqual([10, 10, 5])
    await sql.end()
  })
})

const psql = installed('psql')
const pgbench = installed('pgbench')

describe('programs of PostgreSQL', () => {
  const environment = () => ({
    ...process.env,
    PGHOST: rig.endpoint.host,
    PGPORT: String(rig.endpoint.port),
    PGUSER: 'postgres',
    PGDATABASE: 'postgres',
  })

  it.skipIf(psql === undefined)('psql runs a script, describes a table and sees refusals', async () => {
    const script = `
      BEGIN; INSERT INTO item (id, name) VALUES (1, 'psql'); SELECT name FROM item; COMMIT;
      SELECT 'after ' || name FROM item;
      SAVEPOINT a;
      \\d item`
    const folder = await mkdtemp(join(tmpdir(), 'psql-'))
    await writeFile(join(folder, 'script.sql'), script)
    const { stdout, stderr } = await run(psql!, ['-X', '-At', '-f', join(folder, 'script.sql')], {
      env: environment(),
    })
    await rm(folder, { recursive: true })
    expect(stdout).toMatch(/^BEGIN\nINSERT 0 1\npsql\nCOMMIT\nafter psql\n/)
    expect(stdout).toContain('made|timestamp with time zone|')
    expect(stderr).toContain('rule "savepoint"')
  })

  it.skipIf(pgbench === undefined).each(['simple', 'extended', 'prepared'])(
    'pgbench runs its transactions, %s protocol',
    async (protocol) => {
      const { host, port } = rig.servers.primary
      const direct = { ...environment(), PGHOST: host, PGPORT: String(port) }
      await run(pgbench!, ['-i', '-q'], { env: direct })
      await rig.replicated()
      rig.endpoint.reset()
      const { stdout, stderr } = await run(pgbench!, ['-n', '-M', protocol, '-c', '4', '-t', '25'], {
        env: environment(),
      })
      expect(stderr).not.toMatch(/error|aborted/i)
      expect(stdout).toContain('number of transactions actually processed: 100/100')
      // Four writes and the end; the SELECT does not cross.
      expect(rig.endpoint.crossings().total).toBe(500)
      const [{ same }] = await rig.onPrimary(
        'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history) AS same',
      )
      expect(same).toBe(true)
    },
  )
})
