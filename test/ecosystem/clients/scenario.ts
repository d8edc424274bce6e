import type { Item, Row } from './client.ts'

/** How a statement fails: the SQLSTATE, and a part of the message, for clients that know nothing else of an error. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** What a client is to do, and what it is to come to. Plain data, so that a program without an API can be given it too. */
export type Operation =
  | { readonly does: 'insert'; readonly item: Item; readonly fails?: Failure }
  | { readonly does: 'find'; readonly id: number; readonly gives: Item | undefined }
  | { readonly does: 'rows'; readonly sql: string; readonly gives: readonly Row[]; readonly fails?: Failure }
  /** Committed, or rolled back at the first that fails. */
  | { readonly does: 'transaction'; readonly operations: readonly Operation[] }
  /** A list for each of several sessions, at the same time. */
  | { readonly does: 'sessions'; readonly each: readonly (readonly Operation[])[] }

const insert = (item: Item, fails?: Failure): Operation => ({
  does: 'insert',
  item,
  ...(fails && { fails }),
})
const find = (id: number, gives: Item | undefined): Operation => ({ does: 'find', id, gives })
const rows = (sql: string, ...gives: Row[]): Operation => ({ does: 'rows', sql, gives })
const fails = (sql: string, failure: Failure): Operation => ({
  does: 'rows',
  sql,
  gives: [],
  fails: failure,
})
const transaction = (...operations: Operation[]): Operation => ({ does: 'transaction', operations })
const here = (standby: boolean): Operation => rows('select pg_is_in_recovery() as here', { here: standby })

export const table = `create table item (id int primary key, name text, data bytea, doc jsonb, tags text[], made timestamptz,
  price numeric, flag boolean)`

const whole: Item = {
  id: 1,
  name: 'größer 🐘 \'"\\',
  data: Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 256)),
  doc: { a: [1, 'zwei', null], 'b c': true },
  tags: ['x', 'y z', '"quoted", {brace}'],
  made: new Date('2024-02-29T12:00:00.123Z'),
  price: '12345678901234567890.123456789',
  flag: true,
}
const empty = (id: number): Item => ({
  ...{ id, name: null, data: null, doc: null },
  ...{ tags: null, made: null, price: null, flag: null },
})

const duplicate = { code: '23505', message: 'duplicate key value violates unique constraint "item_pkey"' }
const ids = Array.from({ length: 20 }, (_, n) => 100 + n)

/** The same for every client, in this order, on an empty table. */
export const scenario: readonly (readonly [what: string, operations: readonly Operation[]])[] = [
  ['reads on the standby', [here(true)]],
  ['reads what it has written', [insert(whole), find(1, whole)]],
  ['keeps nulls', [insert(empty(2)), find(2, empty(2))]],
  [
    'repeats a statement with other values',
    [find(1, whole), find(2, empty(2)), find(9, undefined), find(1, whole)],
  ],
  [
    'moves a transaction to the primary at its first write, and commits it',
    [transaction(here(true), insert(empty(3)), here(false), find(3, empty(3)))],
  ],
  ['sees the commit from the standby', [here(true), find(3, empty(3))]],
  [
    'rolls back a transaction that fails',
    [transaction(insert(empty(4)), insert(empty(1), duplicate)), find(4, undefined)],
  ],
  [
    'is refused a savepoint, and what its transaction has written is gone',
    [
      transaction(insert(empty(5)), fails('savepoint a', { code: '0A000', message: 'rule "savepoint"' })),
      find(5, undefined),
    ],
  ],
  ['is refused COPY', [fails('copy item to stdout', { code: '0A000', message: 'rule "copy"' })]],
  [
    'is told of a syntax error',
    [fails('selec', { code: '42601', message: 'syntax error at or near "selec"' })],
  ],
  [
    'reads many rows',
    [
      rows(
        "select n, repeat('x', 100) as wide from generate_series(1, 50000) as n",
        ...Array.from({ length: 50_000 }, (_, n) => ({ n: n + 1, wide: 'x'.repeat(100) })),
      ),
    ],
  ],
  [
    'works on many sessions at once',
    [
      {
        does: 'sessions',
        each: [0, 1, 2, 3].map((session) =>
          ids.filter((id) => id % 4 === session).map((id) => insert(empty(id))),
        ),
      },
      rows(
        'with locked as (select id from item where id >= 100 for update) select count(*)::int as n from locked',
        {
          n: ids.length,
        },
      ),
    ],
  ],
]
