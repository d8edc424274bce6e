import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startForwardingReader, type ForwardingReader } from '../../src/index.ts'

let reader: ForwardingReader

beforeAll(async () => {
  reader = await startForwardingReader({ latencyMs: 1 })
})
afterAll(() => reader.stop())

const query = async (url: string, ...texts: string[]): Promise<any[]> => {
  const client = new Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: any[] = []
    for (const text of texts) ({ rows } = await client.query(text))
    return rows
  } finally {
    await client.end()
  }
}

describe('startForwardingReader', () => {
  it('gives three URLs: a writer, a plain reader, and a reader that forwards', async () => {
    await query(reader.primaryUrl, 'CREATE TABLE orders (id int PRIMARY KEY)')
    expect(
      await query(
        reader.readerUrl,
        'INSERT INTO orders VALUES (1)',
        'SELECT id, pg_is_in_recovery() AS local FROM orders',
      ),
    ).toEqual([{ id: 1, local: true }])
    expect(await query(reader.primaryUrl, 'SELECT id FROM orders')).toEqual([{ id: 1 }])
    // The session above has waited until the standby had the table.
    await expect(query(reader.standbyUrl, 'INSERT INTO orders VALUES (1)')).rejects.toMatchObject({
      code: '25006',
    })
  })

  it('counts what crosses and what is refused', async () => {
    await reader.reset()
    await query(reader.primaryUrl, 'CREATE TABLE orders (id int PRIMARY KEY)')
    await query(reader.readerUrl, 'SELECT 1', 'BEGIN', 'INSERT INTO orders VALUES (1)', 'COMMIT')
    expect(reader.crossings()).toMatchObject({
      total: 2,
      transactions: [{ crossings: 2, outcome: 'committed' }],
    })
    await expect(query(reader.readerUrl, 'BEGIN', 'SAVEPOINT a')).rejects.toMatchObject({ code: '0A000' })
    expect(reader.refusals()).toEqual([{ rule: 'savepoint', statement: 'SAVEPOINT a' }])
  })

  it('adds the latency that was set to each crossing', async () => {
    await reader.reset()
    await query(reader.primaryUrl, 'CREATE TABLE slow (id int)')
    reader.latency.set(60)
    await query(reader.readerUrl, 'INSERT INTO slow VALUES (1)')
    expect(reader.crossings().transactions[0]!.waitedMs).toBeGreaterThanOrEqual(59)
  })

  it('refuses a latency that is none', () => {
    expect(() => reader.latency.set(-1)).toThrow("Option 'latencyMs' is -1")
  })

  it('is as new after a reset: nothing in the database, counters at zero, the latency of the start', async () => {
    await query(reader.primaryUrl, 'CREATE TABLE leftover (id int)')
    reader.latency.set(30_000)
    await reader.reset()
    expect(reader.crossings()).toEqual({ total: 0, transactions: [] })
    expect(reader.refusals()).toEqual([])
    for (const url of [reader.primaryUrl, reader.standbyUrl]) {
      expect(await query(url, `SELECT to_regclass('leftover') AS leftover`)).toEqual([{ leftover: null }])
    }
    await query(reader.primaryUrl, 'CREATE TABLE quick (id int)')
    await query(reader.readerUrl, 'INSERT INTO quick VALUES (1)')
    expect(reader.crossings().transactions[0]!.waitedMs).toBeLessThan(30_000)
  })

  it('keeps connections over a reset', async () => {
    const client = new Client(reader.readerUrl)
    await client.connect()
    await query(reader.primaryUrl, 'CREATE TABLE kept (id int)')
    await client.query('INSERT INTO kept VALUES (1)')
    await reader.reset()
    await query(reader.primaryUrl, 'CREATE TABLE kept (id int)')
    await client.query('INSERT INTO kept VALUES (2)')
    expect((await client.query('SELECT id FROM kept')).rows).toEqual([{ id: 2 }])
    await client.end()
  })

  it('lets go of everything when it stops', async () => {
    const other = await startForwardingReader()
    await other.stop()
    await other.stop()
    for (const url of [other.readerUrl, other.primaryUrl, other.standbyUrl]) {
      await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  it('says which address is taken before it starts anything', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const steps: string[] = []
    await expect(
      startForwardingReader({ port, onProgress: (step) => steps.push(step) }),
    ).rejects.toMatchObject({
      code: 'EMULATOR_PORT_IN_USE',
      message: `The reader cannot listen on 127.0.0.1:${port}: another program listens there. Choose another port, or 0 for one that is free.`,
    })
    expect(steps).toEqual([])
    holder.close()
  })

  it('says that a host is not this machine', async () => {
    await expect(startForwardingReader({ host: '203.0.113.1' })).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringContaining("Option 'host' is '203.0.113.1', which is no address of this machine"),
    })
  })
})
