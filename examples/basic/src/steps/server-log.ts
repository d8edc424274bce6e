import createKnex from 'knex'

/** Lets a server write every statement it receives into its log. */
export async function logStatements(url: string): Promise<void> {
  await onServer(url, async (raw) => {
    await raw(`alter system set log_statement = 'all'`)
    await raw('select pg_reload_conf()')
  })
}

/** How many statements of this kind the server itself has received: its log is asked, not the client. */
export async function received(url: string, statement: RegExp): Promise<number> {
  return onServer(url, async (raw) => {
    const [{ log }] = (await raw(`select pg_read_file('server.log') as log`)) as [{ log: string }]
    return log.split('\n').filter((line) => statement.test(line)).length
  })
}

/** A line of the log that tells of a savepoint opened, kept or undone. */
export const SAVEPOINT = /(?:statement|execute [^:]*): *(?:savepoint|release|rollback to)\b/i

async function onServer<Result>(
  url: string,
  run: (raw: (sql: string) => Promise<unknown[]>) => Promise<Result>,
): Promise<Result> {
  const db = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
  try {
    return await run(async (sql) => (await db.raw(sql)).rows)
  } finally {
    await db.destroy()
  }
}
