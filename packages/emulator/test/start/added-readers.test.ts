import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AddedReader, type ForwardingReader, startForwardingReader } from '../../src/index.ts'

describe('a reader that is added to another', () => {
  let reader: ForwardingReader
  let added: AddedReader

  beforeAll(async () => {
    reader = await startForwardingReader()
    added = await reader.addReader({ latencyMs: 60 })
    await ask(reader.primaryUrl, 'CREATE TABLE visit (id int PRIMARY KEY)')
    await reader.snapshot()
  })
  afterAll(() => reader.stop())
  beforeEach(() => reader.reset())

  const ask = async (url: string, ...texts: string[]): Promise<any[]> => {
    const client = new Client(url)
    await client.connect()
    try {
      let rows: any[] = []
      for (const text of texts) ({ rows } = await client.query(text))
      return rows
    } finally {
      await client.end()
    }
  }
  const write = (id: number) => `INSERT INTO visit VALUES (${id})`

  it('stands before the same servers', async () => {
    await ask(added.readerUrl, write(1))
    await ask(reader.readerUrl, write(2))
    for (const url of [added.readerUrl, reader.readerUrl]) {
      const read =
        'SELECT array_agg(id ORDER BY id) AS ids, bool_and(pg_is_in_recovery()) AS local FROM visit'
      const rows = await ask(url, "SET apg_write_forward.consistency_mode = 'global'", read)
      expect(rows).toEqual([{ ids: [1, 2], local: true }])
    }
  })

  it('has a latency, crossings and refusals of its own', async () => {
    await ask(added.readerUrl, write(1))
    await expect(ask(added.readerUrl, 'BEGIN', 'SAVEPOINT a')).rejects.toMatchObject({ code: '0A000' })
    expect(added.crossings()).toMatchObject({ total: 1, transactions: [{ statements: [write(1)] }] })
    expect(added.crossings().transactions[0]!.waitedMs).toBeGreaterThanOrEqual(59)
    expect(added.refusals()).toMatchObject([{ rule: 'savepoint' }])
    expect(reader.crossings().total).toBe(0)
    expect(reader.refusals()).toEqual([])
  })

  it('has its latency of the start again after a reset, and counters at zero', async () => {
    added.latency.set(30_000)
    expect(() => added.latency.set(-1)).toThrow("Option 'latencyMs' is -1")
    await reader.reset()
    expect(added.crossings().total).toBe(0)
    await ask(added.readerUrl, write(1))
    expect(added.crossings().transactions[0]!.waitedMs).toBeLessThan(30_000)
  })

  it('follows a switchover: its sessions end, and the next stand before the new standby', async () => {
    const before = reader.primaryUrl
    const session = new Client(added.readerUrl)
    const ended = new Promise((resolve) => session.on('error', resolve))
    await session.connect()
    await reader.faults.switchover()
    expect(reader.standbyUrl).toBe(before)
    expect(await ended).toMatchObject({ code: '57P01' })
    expect(
      await ask(added.readerUrl, write(1), 'SELECT id, pg_is_in_recovery() AS local FROM visit'),
    ).toEqual([{ id: 1, local: true }])
  })

  it('refuses what is not its own to say', async () => {
    await expect(reader.addReader({ lagMs: 5 } as object)).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringContaining("There is no option 'lagMs'. Allowed: host, port,"),
    })
    const { port } = new URL(reader.readerUrl)
    await expect(reader.addReader({ port: Number(port) })).rejects.toMatchObject({
      code: 'EMULATOR_PORT_IN_USE',
    })
  })

  it('ends alone, or with the first', async () => {
    const [one, other] = [await reader.addReader(), await reader.addReader()]
    await one.stop()
    await one.stop()
    await expect(ask(one.readerUrl, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await ask(other.readerUrl, 'SELECT 1 AS n')).toEqual([{ n: 1 }])
    await reader.stop()
    await expect(ask(other.readerUrl, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
