import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ForwardingReader } from '../../src/forwarding-reader.ts'
import { startForwardingReader } from '../../src/start.ts'
import { ca, tls } from '../endpoint/certificates.ts'
import { errorOf } from '../endpoint/rig.ts'

/** A password that needs care in a URL, in a setting, and in a connection string. */
const auth = { user: 'App.Owner-1', password: 'p@ss:w/o%rd \'"\\ ü' }

let reader: ForwardingReader
beforeAll(async () => {
  reader = await startForwardingReader({ auth, tls })
})
afterAll(() => reader.stop())

async function ask(connectionString: string, sql: string, ssl?: pg.ClientConfig['ssl']): Promise<unknown> {
  const client = new pg.Client({ connectionString, ...(ssl !== undefined && { ssl }) })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}

describe('a reader with a user and a password', () => {
  it('gives three URLs that are usable as they are', async () => {
    for (const url of [reader.readerUrl, reader.primaryUrl, reader.standbyUrl]) {
      expect(await ask(url, 'SELECT session_user')).toBe(auth.user)
    }
  })

  it('forwards in the user’s name, and the session sees its own write', async () => {
    await ask(reader.primaryUrl, 'CREATE TABLE item (id int, who text DEFAULT session_user)')
    const client = new pg.Client(reader.readerUrl)
    await client.connect()
    await client.query('INSERT INTO item VALUES (1)')
    expect((await client.query('SELECT * FROM item')).rows).toEqual([{ id: 1, who: auth.user }])
    await client.end()
    expect(reader.crossings().total).toBe(1)
  })

  it('is reached by TLS too', async () => {
    expect(await ask(reader.readerUrl, 'SELECT session_user', { ca })).toBe(auth.user)
  })

  it('lets in nobody else, neither at the reader nor at the servers', async () => {
    for (const url of [reader.readerUrl, reader.primaryUrl, reader.standbyUrl]) {
      for (const [user, password] of [
        [auth.user, 'wrong'],
        ['postgres', auth.password],
      ] as const) {
        const other = new URL(url)
        other.username = encodeURIComponent(user)
        other.password = encodeURIComponent(password)
        expect(await errorOf(ask(other.href, 'SELECT 1'))).toMatchObject({ code: '28P01' })
      }
    }
  })

  it('still empties its database', async () => {
    await ask(reader.primaryUrl, 'CREATE TABLE IF NOT EXISTS item (id int)')
    await reader.reset()
    expect(await ask(reader.standbyUrl, "SELECT to_regclass('item')")).toBe(null)
  })

  it('asks for what attached servers ask for, and says by its URL that TLS is demanded', async () => {
    const { primaryUrl, standbyUrl } = reader
    const attached = await startForwardingReader({ primaryUrl, standbyUrl, tls: { ...tls, required: true } })
    expect(attached.readerUrl).toMatch(/\?sslmode=require$/)
    const plain = attached.readerUrl.replace('?sslmode=require', '')
    expect(await ask(plain, 'SELECT session_user', { ca })).toBe(auth.user)
    const wrong = new URL(plain)
    wrong.password = 'wrong'
    expect(await errorOf(ask(wrong.href, 'SELECT 1', { ca }))).toMatchObject({ code: '28P01' })
    expect(await errorOf(ask(plain, 'SELECT 1'))).toMatchObject({ code: '28000' })
    await attached.stop()
  })
})
