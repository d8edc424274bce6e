/** Lines that rules look at; `HOLE` stands where any expression may. */
export const linesWithHoles: readonly string[] = [
  'await trx.transaction(HOLE)',
  'await HOLE.transaction(async (inner) => { await inner("t").insert(row) })',
  'await db.transaction(HOLE, { isolationLevel: HOLE, readOnly: HOLE })',
  'await db.transaction(async (inner) => { await HOLE; await db("t").insert(HOLE) })',
  'const started = await db.transaction(HOLE); await started("t").del(); await started.commit(HOLE)',
  'await trx.raw(HOLE, HOLE)',
  'await trx.raw(`SELECT ${HOLE} FROM t; SAVEPOINT ${HOLE}`)',
  'await trx.raw("LOCK TABLE " + HOLE + " IN SHARE MODE")',
  'await client.query(HOLE); await client.query({ text: HOLE, values: HOLE })',
  'await client.query("BEGIN"); await client.query(`BEGIN ${HOLE}`); await save(client); await HOLE.query(text); await HOLE.connect()',
  'await client.query(["DECLARE c CURSOR FOR", HOLE].join(" "))',
  'await sql`INSERT INTO t VALUES (${HOLE}) ON CONFLICT DO NOTHING`',
  'await trx(HOLE).insert(HOLE).onConflict(HOLE).merge(HOLE)',
  'const found = await trx("t").where(HOLE).first(); if (!found) await trx("t").insert(HOLE)',
  'try { await trx("t").insert(HOLE) } catch (error) { if (error.code !== HOLE) throw error }',
  'try { await trx("t").insert(row) } catch { HOLE }',
  'await trx("t").insert(row).catch(HOLE).then(HOLE, HOLE)',
  'for (const each of HOLE) await trx("t").insert(each)',
  'await Promise.all(HOLE); await Promise.all([trx("t"), HOLE, trx("u")])',
  'await Promise.allSettled(rows.map((each) => trx("t").insert(HOLE)))',
  'await fetch(HOLE); await axios.post(HOLE); await mailer.sendMail(HOLE); emitter.emit(HOLE)',
  'trx("t").select(HOLE).stream(HOLE).pipe(HOLE); for await (const each of trx("t").stream()) HOLE',
  'await trx.schema.createTable(HOLE, HOLE); await trx("t").truncate(); await trx.migrate.latest(HOLE)',
  'await trx.batchInsert("t", HOLE).transacting(HOLE); await (await db.transactionProvider(HOLE)())("t")',
  'await save(HOLE); await save(trx, HOLE); await (HOLE)(trx); await new Store(HOLE).write(trx)',
  'const alias = HOLE; await alias.transaction(f); await alias("t").insert(row); await alias.raw(text)',
  'if (HOLE) { await db("t") } else { await (HOLE ? db : trx).transaction(f) }',
  'class Repository { db = HOLE; async f() { await this.db.transaction((t) => t("a").insert(HOLE)) } }',
  'await Model.transaction(HOLE, async (inner) => { await Model.query(inner).insert(HOLE) })',
  'if (HOLE) { var late = "SAVEPOINT "; } late += HOLE; await trx.raw(late)',
  'await (async (on) => { await on.transaction(HOLE) })(trx)',
]

/** Lines in a function, with what they use, and outside of any. */
export function around(lines: readonly string[]): string {
  const blocks = lines.map((line) => `{ ${line} }`).join('\n')
  return `async function run(db, trx, client, row, rows) {\n${blocks}\n}\nexport {}\n${blocks}\n`
}

/** A module of every shape that calls are followed through; `useOfAllShapes` calls into it. */
export const allShapes = `import type { Knex } from 'knex'
import { again, useAll } from './file.ts'
export async function save(on: Knex, rows: readonly any[] = []): Promise<void> {
  if (on.isTransaction) return
  await on.transaction(async (trx) => {
    for (const row of rows) await trx('t').insert(row)
    await Promise.all([trx('t').del(), trx.raw('SAVEPOINT a')])
  })
}
export const saveArrow = async ({ db, ...others }: { db: Knex; log?: any }): Promise<any> => save(db, others.log)
export const factory = (deps: { db: Knex }) => ({ save: () => save(deps.db), get db() { return deps.db } })
export function overloaded(on: Knex): void
export function overloaded(on: string, trx: Knex): void
export function overloaded(on: any, trx?: any) { return save(trx ?? on) }
export class Store<T extends Knex = Knex> {
  static of = (db: Knex) => new Store(db)
  #own: T
  constructor(db: T, private readonly other?: Knex) { this.#own = db }
  async write() { try { await save(this.#own) } catch (error) { return null } finally { await save(this.other!) } }
  accessor run = async (): Promise<void> => { await this.write() }
}
export const wrap = async <R>(db: Knex, work: (trx: Knex) => Promise<R>): Promise<R> => db.transaction((trx) => work(trx))
export const back = (db: Knex): any => (db ? again(db) : useAll(db as any))
`

export const useOfAllShapes = `import knex, { type Knex } from 'knex'
import { Client } from 'pg'
import * as other from './other.ts'
import { Store, factory, overloaded, save, saveArrow, wrap, back } from './other.ts'
const db = knex({})
export const again = (on: Knex) => back(on)
export async function useAll(trx: Knex.Transaction) {
  await save(trx)
  await saveArrow({ db: trx, log: 1 })
  await factory({ db: trx }).save()
  await factory({ db }).db('t').insert({})
  overloaded(trx)
  overloaded('', trx)
  const store = new Store(trx, db)
  await store.write()
  await Store.of(trx).run()
  await wrap(trx, async (inner) => { await save(inner); await db('t').insert({}) })
  await other.wrap(db, async (inner) => { await other.save(inner) })
  await back(trx)
  await new Client().query('BEGIN; SAVEPOINT a')
}
`
