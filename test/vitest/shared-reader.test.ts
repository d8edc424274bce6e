import { useReader } from '@knex-flatten/emulator/vitest'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'

const reader = useReader()
let pool: pg.Pool
beforeAll(() => {
  pool = new pg.Pool({ connectionString: inject('readerUrl'), max: 2 })
})
afterAll(() => pool.end())
beforeEach(() => reader.reset())

const cents = async (on: { query: pg.Pool['query'] } = pool): Promise<number> =>
  (await on.query('SELECT cents FROM account WHERE id = 1')).rows[0].cents

describe('a reader that a global set-up has started', () => {
  it('is where the set-up says', () => {
    expect(reader.readerUrl).toBe(inject('readerUrl'))
    expect(reader.primaryUrl).toBe(inject('primaryUrl'))
    expect(reader.standbyUrl).toBe(inject('standbyUrl'))
  })

  it.each([1, 2, 3])('begins each test with what the set-up prepared (%i)', async () => {
    expect(await cents()).toBe(500)
    await pool.query('UPDATE account SET cents = cents - 100')
    expect(await cents()).toBe(400)
    expect(await reader.crossings()).toMatchObject({ total: 1, transactions: [{ outcome: 'committed' }] })
  })

  it('is driven from a test', async () => {
    const client = await pool.connect()
    await client.query(`SET apg_write_forward.consistency_mode = 'eventual'`)
    await reader.lag.pause()
    await client.query('UPDATE account SET cents = 1')
    expect(await cents(client)).toBe(500)
    await reader.lag.resume()
    await reader.lag.caughtUp()
    expect(await cents(client)).toBe(1)
    client.release(true)
  })

  it('tells a test what it refused', async () => {
    await expect(pool.query('SAVEPOINT a')).rejects.toMatchObject({ code: '0A000' })
    expect(await reader.refusals()).toEqual([{ rule: 'savepoint', statement: 'SAVEPOINT a' }])
  })

  it('passes its own errors on', async () => {
    await expect(reader.latency.set(-1)).rejects.toMatchObject({
      name: 'EmulatorError',
      code: 'EMULATOR_OPTIONS',
      message: expect.stringContaining('latencyMs'),
    })
  })

  it('gives a worker a database of its own', async () => {
    const own = await reader.database(`worker_${process.env['VITEST_POOL_ID']}`)
    const client = new pg.Client(own.readerUrl)
    const writer = new pg.Client(own.primaryUrl)
    await Promise.all([client.connect(), writer.connect()])
    await writer.query('CREATE TABLE t (id int)')
    await writer.end()
    await own.snapshot()
    await client.query('INSERT INTO t VALUES (1)')
    expect(await own.crossings()).toMatchObject({ total: 1 })
    await own.reset()
    expect((await client.query('SELECT FROM t')).rowCount).toBe(0)
    expect(await own.crossings()).toMatchObject({ total: 0 })
    await client.end()
    await own.drop()
  })
})

describe('the control of a reader', () => {
  const post = (url: string, body: string): Promise<Response> => fetch(url, { method: 'POST', body })

  it('is closed to whoever does not know its address', async () => {
    const control = inject('forwardingReaderControl')
    const other = new URL('/guess', control).href
    expect((await post(other, '{"path":["stop"],"values":[]}')).status).toBe(403)
    expect((await fetch(control)).status).toBe(403)
  })

  it.each([
    ['{"path":["constructor"],"values":[]}', 'A forwarding reader has no constructor'],
    ['{"path":["lag","__proto__","x"],"values":[]}', 'A forwarding reader has no lag.__proto__.x'],
    ['{"path":["readerUrl","length"],"values":[]}', 'A forwarding reader has no readerUrl.length'],
    ['{', 'JSON'],
    [`"${'x'.repeat(1_100_000)}"`, 'the call is too long'],
  ])('answers %.40s with an error, and goes on', async (body, message) => {
    const reply = (await (await post(inject('forwardingReaderControl'), body)).json()) as { error: Error }
    expect(reply.error.message).toContain(message)
    expect(await reader.refusals()).toEqual([])
  })
})
