import type { QueryObject } from './internals.ts'

/** Sends one text, of several statements perhaps, and resolves with the answer to each. */
export type Ask = (sql: string) => Promise<readonly NonNullable<QueryObject['response']>[]>

const UNIT = 'knex_flatten_unit'

/** What a test transaction begins with, and must still find at its end. */
const GUARD = 'knex_flatten_test'

/** What is deferred by itself, by the only name SET CONSTRAINTS knows it by. Two may share it, and one of them may not be deferrable. */
const DEFERRED = `SELECT pg_catalog.format('%I.%I', n.nspname, c.conname) AS name
  FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
  WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  GROUP BY 1 HAVING bool_or(c.condeferred) AND bool_and(c.condeferrable)`

/** Begins the transaction of a test, which is never committed. */
export async function beginTest(ask: Ask, isolationLevel: string | undefined): Promise<void> {
  await ask(`BEGIN${isolationLevel ? ` ISOLATION LEVEL ${isolationLevel}` : ''}; SAVEPOINT ${GUARD}`)
}

/** Rolls it back. @throws whatever PostgreSQL says where it was ended before */
export async function endTest(ask: Ask): Promise<void> {
  try {
    await ask(`ROLLBACK TO SAVEPOINT ${GUARD}`)
  } finally {
    await ask('ROLLBACK')
  }
}

/** Begins what was to be a transaction of its own; PostgreSQL ends READ ONLY with the savepoint it was said in. */
export async function beginUnit(ask: Ask, readOnly: boolean): Promise<void> {
  await ask(`SAVEPOINT ${UNIT}${readOnly ? '; SET TRANSACTION READ ONLY' : ''}`)
}

/**
 * Keeps it, where COMMIT would have kept it: what is checked at COMMIT is checked now, and is deferred again for the next.
 *
 * @throws whatever COMMIT would have been refused with; it is undone then
 */
export async function keepUnit(ask: Ask): Promise<void> {
  try {
    const answers = await ask(`SET CONSTRAINTS ALL IMMEDIATE; ${DEFERRED}; RELEASE SAVEPOINT ${UNIT}`)
    const names = answers.flatMap(({ rows = [] }) => rows.map(({ name }) => String(name)))
    if (names.length > 0) await ask(`SET CONSTRAINTS ${names.join(', ')} DEFERRED`)
  } catch (error) {
    // A lost connection has undone it too.
    await undoUnit(ask).catch(() => undefined)
    throw error
  }
}

export async function undoUnit(ask: Ask): Promise<void> {
  await ask(`ROLLBACK TO SAVEPOINT ${UNIT}; RELEASE SAVEPOINT ${UNIT}`)
}
