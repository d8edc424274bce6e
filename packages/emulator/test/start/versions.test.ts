import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { EmulatorError, startForwardingReader, type ForwardingReader } from '../../src/index.ts'
import { postgresMajors } from '../../src/postgres/npm-versions.ts'

/** Another version than ours comes from npm's registry, which not every machine reaches. */
const start = async (postgres: (typeof postgresMajors)[number]): Promise<ForwardingReader | string> => {
  try {
    return await startForwardingReader({ postgres })
  } catch (error) {
    if (error instanceof EmulatorError && /npm could not fetch/.test(error.message)) return error.message
    throw error
  }
}

describe('a forwarding reader', () => {
  it.each(postgresMajors)('reads, forwards, refuses and stops on PostgreSQL %i', async (major) => {
    const reader = await start(major)
    if (typeof reader === 'string') {
      console.warn(`NOT TESTED on PostgreSQL ${major}: ${reader}`)
      return
    }
    const client = new Client(reader.readerUrl)
    try {
      await client.connect()
      const { rows } = await client.query('SHOW server_version')
      expect(Number.parseInt(rows[0].server_version)).toBe(major)
      const primary = new Client(reader.primaryUrl)
      await primary.connect()
      await primary.query('CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text)')
      await primary.query(
        `CREATE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1'`,
      )
      await primary.end()
      await client.query('BEGIN')
      await client.query(`INSERT INTO orders (state) VALUES ('placed')`)
      await client.query(`UPDATE orders SET state = $1`, ['paid'])
      await client.query('COMMIT')
      expect((await client.query('SELECT state, pg_is_in_recovery() AS local FROM orders')).rows).toEqual([
        { state: 'paid', local: true },
      ])
      for (const sql of ['SAVEPOINT a', 'SELECT total()', 'EXPLAIN ANALYZE SELECT total()', 'CALL tidy()']) {
        await expect(client.query(sql), sql).rejects.toMatchObject({ code: '0A000' })
      }
      expect(reader.crossings()).toMatchObject({ total: 3 })
      await reader.reset()
      await expect(client.query('SELECT state FROM orders')).rejects.toMatchObject({ code: '42P01' })
    } finally {
      await client.end()
      await reader.stop()
    }
    await expect(new Client(reader.readerUrl).connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
