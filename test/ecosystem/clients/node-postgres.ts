import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import type { Item, Open, Row, Talk } from './client.ts'

const columns = ['id', 'name', 'data', 'doc', 'tags', 'made', 'price', 'flag'] as const
const insertText = `insert into item values ($1, $2, $3, $4, $5, $6, $7, $8)`
const valuesOf = (item: Item) =>
  columns.map((column) => (column === 'doc' && item.doc !== null ? JSON.stringify(item.doc) : item[column]))

/** A way of node-postgres to read. */
type Read = (client: pg.PoolClient, text: string, values: unknown[]) => Promise<Row[]>

interface Ways {
  /** What inserts and finds is prepared once, and executed often. */
  readonly named?: boolean
  /** Default: as one result. */
  readonly read?: Read
}

/** With a pool of one connection: SESSION consistency is a connection's, and a pool of several hands out now this, now that. */
export const nodePostgres =
  ({ named = false, read }: Ways = {}): Open =>
  (url) => {
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    const on = (client: pg.PoolClient): Talk => ({
      insert: (item) =>
        client.query({ text: insertText, values: valuesOf(item), ...(named && { name: 'insert' }) }),
      async find(id) {
        const text = 'select * from item where id = $1'
        if (read) return (await read(client, text, [id]))[0] as Item | undefined
        return (await client.query<Item>({ text, values: [id], ...(named && { name: 'find' }) })).rows[0]
      },
      rows: async (sql) => (read ? read(client, sql, []) : (await client.query<Row>(sql)).rows),
    })
    const using = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
      const client = await pool.connect()
      return work(client).finally(() => client.release())
    }
    return {
      insert: (item) => using((client) => on(client).insert(item)),
      find: (id) => using((client) => on(client).find(id)),
      rows: (sql) => using((client) => on(client).rows(sql)),
      transaction: (work) =>
        using(async (client) => {
          await client.query('begin')
          try {
            const result = await work(on(client))
            await client.query('commit')
            return result
          } catch (error) {
            await client.query('rollback')
            throw error
          }
        }),
      close: () => pool.end(),
    }
  }

/** Through a portal that is read a hundred rows at a time. */
export const streamed: Read = async (client, text, values) => {
  const rows: Row[] = []
  for await (const row of client.query(new QueryStream(text, values, { batchSize: 100 })))
    rows.push(row as Row)
  return rows
}

/** The same by hand; closed behind an error as well, after which the session goes on. */
export const byCursor: Read = async (client, text, values) => {
  const cursor = client.query(new Cursor<Row>(text, values))
  const rows: Row[] = []
  try {
    for (let part = await cursor.read(100); part.length > 0; part = await cursor.read(100)) rows.push(...part)
    return rows
  } finally {
    await cursor.close()
  }
}
