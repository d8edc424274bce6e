import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { bind, execute, parse, query, sync, type RawClient } from '../endpoint/raw-client.ts'
import { itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })

/** A way to the writer that breaks, once, under a message with these words in it. */
const way: { breaksAt: string | undefined; server: Server | undefined } = {
  breaksAt: undefined,
  server: undefined,
}
let endpoint: Endpoint

beforeAll(async () => {
  way.server = createServer((near) => {
    const far = connect(rig.servers.primary)
    const end = () => {
      near.destroy()
      far.destroy()
    }
    near.on('error', end).on('close', end)
    far.on('error', end).on('close', end)
    near.on('data', (chunk) => {
      if (way.breaksAt === undefined || !chunk.includes(way.breaksAt)) {
        far.write(chunk)
        return
      }
      way.breaksAt = undefined
      end()
    })
    far.on('data', (chunk) => near.write(chunk))
  })
  await new Promise<void>((resolve) => way.server!.listen(0, '127.0.0.1', resolve))
  endpoint = await throughTheWay()
})
afterAll(() => void way.server?.close())

function throughTheWay(): Promise<Endpoint> {
  const { port } = way.server!.address() as AddressInfo
  return rig.endpointWith({ servers: { ...rig.servers, primary: { host: '127.0.0.1', port } } })
}

const write = (id: number, name = "''") => query(`INSERT INTO item VALUES (${id}, ${name})`)
const rows = () => rig.onPrimary('SELECT * FROM item ORDER BY id')

async function asked(client: RawClient, ...messages: readonly Buffer[]): Promise<string[]> {
  const answers: string[] = []
  for (const message of messages) answers.push(await client.ask([message]))
  return answers
}

describe('a session on the writer that breaks under what the reader itself says to it', () => {
  it.each([
    ['how many sessions there may be', [], 'SHOW max_connections', 'E(08001) Z(I)', 'C Z(I)'],
    ['what the client has set', [query("SET work_mem = '777kB'")], '777kB', 'E(08001) Z(I)', 'C Z(I)'],
    ['BEGIN', [query('BEGIN')], 'BEGIN', 'E(08001) Z(E)', 'E(25P02) Z(E)'],
    [
      'what the transaction has set',
      [query('BEGIN'), query("SET LOCAL work_mem = '777kB'")],
      '777kB',
      'E(08001) Z(E)',
      'E(25P02) Z(E)',
    ],
  ])('is not opened, and nothing was forwarded: %s', async (_, before, breaksAt, answer, next) => {
    // One that has not asked anything yet.
    const client = await rig.raw({}, await throughTheWay())
    await asked(client, ...before)
    way.breaksAt = breaksAt
    expect(await asked(client, write(1))).toEqual([answer])
    expect(await rows()).toEqual([])
    expect(await asked(client, write(2), query('ROLLBACK'), write(3))).toEqual([next, 'C Z(I)', 'C Z(I)'])
  })

  it('has its commit placed by the next one: where the log is', async () => {
    const client = await rig.raw({}, endpoint)
    way.breaksAt = 'pg_current_wal_flush_lsn'
    expect(await asked(client, write(1), query('SELECT FROM item'))).toEqual(['C Z(I)', 'T D C Z(I)'])
    way.breaksAt = 'pg_current_wal_flush_lsn'
    expect(await asked(client, write(2), write(3), query('SELECT FROM item'))).toEqual([
      'C Z(I)',
      'C Z(I)',
      'T D D D C Z(I)',
    ])
  })

  it('is opened again with what was set meanwhile: a setting that the standby has', async () => {
    const client = await rig.raw({}, endpoint)
    expect(await asked(client, write(1))).toEqual(['C Z(I)'])
    way.breaksAt = '777kB'
    expect(
      await asked(client, query("SET work_mem = '777kB'"), write(2, "current_setting('work_mem')")),
    ).toEqual(['C Z(I)', 'C Z(I)'])
    expect((await rows()).at(-1)).toEqual({ id: 2, name: '777kB' })
  })

  it('takes its transaction along: how a setting of it reads', async () => {
    const client = await rig.raw({}, endpoint)
    expect(await asked(client, query('BEGIN'), write(1))).toEqual(['C Z(T)', 'C Z(T)'])
    way.breaksAt = 'SHOW apg_write_forward'
    expect(await asked(client, query("SET statement_timeout = '5s'"), write(2), query('COMMIT'))).toEqual([
      'C Z(T)',
      'E(08006) Z(E)',
      'C Z(I)',
    ])
    expect(await rows()).toEqual([])
    expect(await asked(client, query('SHOW statement_timeout'), write(3))).toEqual(['T D C Z(I)', 'C Z(I)'])
  })

  it('takes its transaction along: a statement that it was to be taught', async () => {
    const client = await rig.raw({}, endpoint)
    await client.ask([parse('INSERT INTO item VALUES (2)', 'named'), sync])
    expect(await asked(client, query('BEGIN'), write(1))).toEqual(['C Z(T)', 'C Z(T)'])
    way.breaksAt = 'VALUES (2)'
    expect(await client.ask([bind([], 'named'), execute(), sync])).toBe('E(08006) Z(E)')
    expect(await asked(client, write(3), query('COMMIT'))).toEqual(['E(25P02) Z(E)', 'C Z(I)'])
    expect(await rows()).toEqual([])
  })
})
