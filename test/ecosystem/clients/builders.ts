import createKnex, { type Knex } from 'knex'
import { Model } from 'objection'
import postgres from 'postgres'
import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import type { Client, Item, Row, Talk } from './client.ts'

export function postgresJs(url: string): Client {
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
const rawRows = async (db: Knex, sql: string) => (await db.raw<{ rows: Row[] }>(sql)).rows

export function knex(url: string): Client {
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

export function objection(url: string): Client {
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

export async function typeOrm(url: string): Promise<Client> {
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
