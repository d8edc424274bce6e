import type { Knex } from 'knex'
import { flatten, type FlattenOptions } from 'knex-flatten'
import type { ConnectOptions, TestDatabase, TestKnex } from '../../../test/setup/database.ts'
import { useDatabase } from '../../../test/setup/database.ts'

/** A database with one table of one unique column, and a second whose foreign key is only checked at COMMIT. */
export function useItems(): TestDatabase {
  return useDatabase((primary) =>
    primary.query(`
      create table items (id int primary key, note text);
      create table orders (item int references items deferrable initially deferred);
    `),
  )
}

/** What Knex asks of a server that it has connected to, and what this library does. */
const onConnecting = /^select version\(\);$|^SELECT pg_is_in_recovery\(\) AS reader, /

/** A flattened instance whose `received()` leaves out what opening a connection costs. */
export function connectFlat(
  database: TestDatabase,
  connect: ConnectOptions = {},
  options?: FlattenOptions,
): TestKnex {
  const { db, received } = database.connect(connect)
  return {
    db: flatten(db, options),
    received: async () => (await received()).filter((sql) => !onConnecting.test(sql)),
  }
}

export async function idsIn(database: TestDatabase): Promise<number[]> {
  return (await database.rows('select id from items order by id')).map(({ id }) => id)
}

/** The backend that a handle's statements run on. */
export async function pidOf(on: Knex): Promise<number> {
  const { rows } = await on.raw<{ rows: { pid: number }[] }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

/** What a promise was rejected with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${String(value)}, though it should have been rejected`)
    },
    (error: unknown) => error,
  )
}

/** Rejections that nobody has handled while `run` was running, told by Node itself. */
export async function unhandledDuring(run: () => Promise<unknown>): Promise<unknown[]> {
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const unhandled: unknown[] = []
  process.on('unhandledRejection', (error) => unhandled.push(error))
  try {
    await run()
    // Node reports them once the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve))
    return unhandled
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
}
