import type { Knex } from 'knex'
import { afterCommit, afterCompletion, type FlattenOptions } from 'knex-flatten'
import type { ConnectOptions, TestDatabase } from '../../../../test/setup/database.ts'
import { expect } from 'vitest'
import { connectFlat } from '../items.ts'
import { startRequest } from './listen.ts'

/** What a server under test can be asked for, the same in every framework. */
export interface Routes {
  readonly db: Knex
  /** Statements the server received since the last call. */
  readonly received: () => Promise<string[]>
  readonly logged: string[]
  /** What became of the last request's transaction, told by its hook. */
  readonly outcomes: string[]
  /** What error handlers were handed. */
  readonly errors: any[]
  /** Settled by the handler of `/hang` once its row is written, and by the test when it may go on. */
  readonly hanging: Gate
  readonly goOn: Gate
}

interface Gate {
  readonly open: (value?: unknown) => void
  readonly opened: Promise<any>
}

function gate(): Gate {
  let open!: Gate['open']
  const opened = new Promise((resolve) => (open = resolve))
  return { open, opened }
}

export function routes(
  database: TestDatabase,
  options: FlattenOptions = {},
  connect: ConnectOptions = {},
): Routes {
  const logged: string[] = []
  const { db, received } = connectFlat(
    database,
    { ...connect, config: { log: { warn: (text: unknown) => logged.push(String(text)) } } },
    { ambient: true, ...options },
  )
  return { db, received, logged, outcomes: [], errors: [], hanging: gate(), goOn: gate() }
}

/** What the handlers of all frameworks do before they answer. */
export const work = {
  async insert({ db, outcomes }: Routes, id: number): Promise<void> {
    afterCompletion(db, (outcome) => outcomes.push(outcome))
    await db('items').insert({ id })
  },
  /** Fails at COMMIT: its foreign key is deferred. */
  async failAtCommit(routes: Routes, id: number): Promise<void> {
    await work.insert(routes, id)
    await routes.db('orders').insert({ item: 7000 })
  },
  /** Refers to an item that is there: its COMMIT waits for whoever has locked that. */
  async insertOrder({ db }: Routes, item: number): Promise<void> {
    await db('orders').insert({ item })
  },
  async failBehindCommit(routes: Routes, id: number): Promise<void> {
    await work.insert(routes, id)
    afterCommit(routes.db, () => Promise.reject(new Error('the mailer is down')))
  },
  /** Goes on after its client has gone. */
  async hang(routes: Routes, id: number): Promise<void> {
    await work.insert(routes, id)
    routes.hanging.open()
    await routes.goOn.opened
    await routes.db('items').insert({ id: id + 1 })
  },
}

/**
 * Asserts that a request which orders item 1 is not answered before its COMMIT is, which waits for a lock meanwhile; `/ping` of the
 * same server is answered, so that what was sent of the other would have come by then.
 */
export async function heldWhileCommitWaits(database: TestDatabase, db: Knex, url: string): Promise<void> {
  await database.rows('insert into items values (1)')
  const locker = await db.transaction()
  await locker('items').where({ id: 1 }).forUpdate()
  const { answer } = startRequest(url)
  let answered = false
  void answer.then(() => (answered = true))
  try {
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and query = 'COMMIT;'`
    while ((await database.rows(waiting)).length === 0) expect(answered).toBe(false)
    await (await fetch(`${url}/ping`)).text()
    expect(answered).toBe(false)
  } finally {
    await locker.rollback()
  }
  expect((await answer).statusCode).toBe(200)
  expect(await database.rows('select item from orders')).toEqual([{ item: 1 }])
}
