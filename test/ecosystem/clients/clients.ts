import createKnex, { type Knex } from 'knex'
import { Model } from 'objection'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import postgres from 'postgres'
import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import type { Client, Item, Talk } from './scenario.ts'

const columns = ['id', 'name', 'data', 'doc', 'tags', 'made', 'price', 'flag'] as const
const insertText = `insert into item values ($1, $2, $3, $4, $5, $6, $7, $8)`
const valuesOf = (item: Item) =>
  columns.map((column) => (column === 'doc' && item.doc !== null ? JSON.stringify(item.doc) : item[column]))

/** Each with a pool of one connection: SESSION consistency is a connection's, and a pool of several hands out now this, now that. */
export const clients: readonly (readonly [name: string, open: (url: string) => Promise<Client> | Client])[] =
  [
    ['node-postgres', (url) => nodePostgres(url, {})],
    ['node-postgres with named statements', (url) => nodePostgres(url, { named: true })],
    ['pg-query-stream', (url) => nodePostgres(url, { streams: true })],
    ['postgres.js', postgresJs],
    ['Knex', knex],
    ['Objection', objection],
    ['TypeORM', typeOrm],
  ]

interface Ways {
  readonly named?: boolean
  readonly streams?: boolean
}

function nodePostgres(url: string, { named = false, streams = false }: Ways): Client {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const on = (client: pg.Pool | pg.PoolClient): Talk => ({
    insert: (item) =>
      client.query({ text: insertText, values: valuesOf(item), ...(named && { name: 'insert' }) }),
    find: async (id) => {
      const text = 'select * from item where id = $1'
      return (await client.query<Item>({ text, values: [id], ...(named && { name: 'find' }) })).rows[0]
    },
    rows: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
  })
  return {
    ...on(pool),
    ...(streams && { rows: (sql: string) => streamed(pool, sql) }),
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const result = await work(on(client))
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

/** Through a portal that is read a hundred rows at a time. */
async function streamed(pool: pg.Pool, sql: string): Promise<Record<string, unknown>[]> {
  const client = await pool.connect()
  try {
    const rows: Record<string, unknown>[] = []
    for await (const row of client.query(new QueryStream(sql, [], { batchSize: 100 }))) rows.push(row)
    return rows
  } finally {
    client.release()
  }
}

function postgresJs(url: string): Client {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  const on = (tag: postgres.ISql): Talk => ({
    insert: (item) =>
      tag`insert into item ${tag({ ...item, doc: tag.json(item.doc as postgres.JSONValue) } as never)}`,
    find: async (id) => (await tag<Item[]>`select * from item where id = ${id}`)[0],
    rows: async (text) => [...(await tag.unsafe(text))],
  })
  return {
    ...on(sql),
    transaction: async (work) => (await sql.begin((tag) => work(on(tag)))) as never,
    close: () => sql.end(),
  }
}

const knexOf = (url: string) => createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
const forKnex = (item: Item) => ({ ...item, doc: item.doc === null ? null : JSON.stringify(item.doc) })
const rawRows = async (db: Knex, sql: string) => (await db.raw<{ rows: Record<string, unknown>[] }>(sql)).rows

function knex(url: string): Client {
  const db = knexOf(url)
  const on = (query: Knex): Talk => ({
    insert: (item) => query('item').insert(forKnex(item)),
    find: (id) => query<Item>('item').where({ id }).first(),
    rows: (sql) => rawRows(query, sql),
  })
  return {
    ...on(db),
    transaction: (work) => db.transaction((trx) => work(on(trx))),
    close: () => db.destroy(),
  }
}

class ItemModel extends Model {
  static override tableName = 'item'
  static override jsonAttributes = ['doc']
}

function objection(url: string): Client {
  const db = knexOf(url)
  const on = (query: Knex): Talk => ({
    insert: async (item) => ItemModel.query(query).insert({ ...item } as never),
    find: async (id) => {
      const found = await ItemModel.query(query).findById(id)
      return found && (found.toJSON() as Item)
    },
    rows: (sql) => rawRows(query, sql),
  })
  return {
    ...on(db),
    transaction: (work) => ItemModel.transaction(db, (trx) => work(on(trx))),
    close: () => db.destroy(),
  }
}

const itemSchema = new EntitySchema<Item>({
  name: 'item',
  columns: {
    id: { type: 'int', primary: true },
    name: { type: 'text', nullable: true },
    data: { type: 'bytea', nullable: true },
    doc: { type: 'jsonb', nullable: true },
    tags: { type: 'text', array: true, nullable: true },
    made: { type: 'timestamptz', nullable: true },
    price: { type: 'numeric', nullable: true },
    flag: { type: 'boolean', nullable: true },
  },
})

async function typeOrm(url: string): Promise<Client> {
  const source = new DataSource({ type: 'postgres', url, entities: [itemSchema], extra: { max: 1 } })
  await source.initialize()
  const on = (manager: EntityManager): Talk => ({
    insert: (item) => manager.insert(itemSchema, item as never),
    find: async (id) => (await manager.findOneBy(itemSchema, { id })) ?? undefined,
    rows: (sql) => manager.query(sql),
  })
  return {
    ...on(source.manager),
    transaction: (work) => source.transaction((manager) => work(on(manager))),
    close: () => source.destroy(),
  }
}
