import type { Sent } from './oracle.ts'

/** How a cell's statements are told from the next one's: {@link emptyItems} is sent behind each. */
const SEPARATOR = /^delete from items/

export const emptyItems = 'delete from items where id > 0 returning id'

const words: readonly (readonly [RegExp, Sent])[] = [
  [/^BEGIN;$/, 'begin'],
  [/^COMMIT;$/, 'commit'],
  [/^ROLLBACK$/, 'rollback'],
  [/^SAVEPOINT /, 'savepoint'],
  [/^RELEASE SAVEPOINT /, 'release'],
  [/^ROLLBACK TO SAVEPOINT /, 'rollback to'],
  [/1 \/ 0/, 'divide'],
  [/^insert into "orders"/, 'order'],
]

/** What a migrator says to its own tables, and a connection when it is opened. */
const ASIDE =
  /knex_migrations|information_schema|^select version\(\)|^SELECT pg_is_in_recovery\(\)|^select \* from pg_/

/** The transcripts of cells run one after another on one connection. */
export function transcripts(received: readonly string[]): Sent[][] {
  const cells: Sent[][] = [[]]
  for (const sql of received) {
    if (SEPARATOR.test(sql)) cells.push([])
    else if (!ASIDE.test(sql)) cells.at(-1)!.push(wordFor(sql))
  }
  cells.pop()
  return cells
}

function wordFor(sql: string): Sent {
  const [, id] = /^insert into "items" .* values \((\d+)\)/.exec(sql) ?? []
  if (id !== undefined) return `insert ${Number(id)}`
  return words.find(([pattern]) => pattern.test(sql))?.[1] ?? (sql as Sent)
}
