/** A row with a value of each common type; what a client gives it is what it must come back as. */
export interface Item {
  id: number
  name: string | null
  data: Buffer | null
  doc: unknown
  tags: string[] | null
  made: Date | null
  price: string | null
  flag: boolean | null
}

export const table = `create table item (id int primary key, name text, data bytea, doc jsonb, tags text[], made timestamptz,
  price numeric, flag boolean)`

/** What a client does in its own idiom: builder, model, tagged template or plain text. */
export interface Talk {
  insert(item: Item): Promise<unknown>
  find(id: number): Promise<Item | undefined>
  /** Text of the scenario's own, without parameters. */
  rows(sql: string): Promise<Record<string, unknown>[]>
}

export interface Client extends Talk {
  /** Commits what `work` does, or rolls it back if that rejects; rejects then as well. */
  transaction<T>(work: (inside: Talk) => Promise<T>): Promise<T>
  close(): Promise<unknown>
}

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
const empty: Item = {
  ...{ id: 2, name: null, data: null, doc: null },
  ...{ tags: null, made: null, price: null, flag: null },
}

const here = async (talk: Talk) => (await talk.rows('select pg_is_in_recovery() as here'))[0]?.here
interface Wrapped {
  code?: string
  nativeError?: { code?: string }
  driverError?: { code?: string }
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    // Some wrap the driver's error.
    (error: unknown) => {
      const { code, nativeError, driverError } = error as Wrapped
      return code ?? nativeError?.code ?? driverError?.code
    },
  )

type Step = readonly [
  what: string,
  expected: unknown,
  run: (client: Client, another: () => Promise<Client>) => Promise<unknown>,
]

/** The same for every client, in this order, on an empty table. */
export const scenario: readonly Step[] = [
  ['reads on the standby', true, here],
  ['reads what it has written', whole, async (client) => (await client.insert(whole), client.find(1))],
  ['keeps nulls', empty, async (client) => (await client.insert(empty), client.find(2))],
  [
    'repeats a statement with other values',
    [1, 2, undefined, 1],
    async (client) => {
      const ids: unknown[] = []
      for (const id of [1, 2, 9, 1]) ids.push((await client.find(id))?.id)
      return ids
    },
  ],
  [
    'moves a transaction to the primary at its first write, and commits it',
    [true, false, 3],
    (client) =>
      client.transaction(async (inside) => {
        const before = await here(inside)
        await inside.insert({ ...empty, id: 3 })
        return [before, await here(inside), (await inside.find(3))?.id]
      }),
  ],
  [
    'sees the commit from the standby',
    [true, 3],
    async (client) => [await here(client), (await client.find(3))?.id],
  ],
  [
    'rolls back a transaction that fails',
    ['23505', undefined],
    async (client) => [
      await codeOf(
        client.transaction(async (inside) => {
          await inside.insert({ ...empty, id: 4 })
          await inside.insert({ ...empty, id: 1 })
        }),
      ),
      (await client.find(4))?.id,
    ],
  ],
  [
    'is refused a savepoint',
    ['0A000', undefined],
    async (client) => [
      await codeOf(
        client.transaction(async (inside) => {
          await inside.insert({ ...empty, id: 5 })
          await inside.rows('savepoint a')
        }),
      ),
      (await client.find(5))?.id,
    ],
  ],
  ['is refused COPY', '0A000', (client) => codeOf(client.rows('copy item to stdout'))],
  ['is told of a syntax error', '42601', (client) => codeOf(client.rows('selec'))],
  [
    'reads many rows',
    50_000,
    async (client) =>
      (await client.rows("select n, repeat('x', 100) as wide from generate_series(1, 50000) as n")).length,
  ],
  [
    'works on many sessions at once',
    20,
    async (client, another) => {
      const others = await Promise.all([another(), another(), another(), another()])
      const ids = Array.from({ length: 20 }, (_, n) => 100 + n)
      await Promise.all(ids.map((id) => others[id % 4]!.insert({ ...empty, id })))
      await Promise.all(others.map((other) => other.close()))
      const total =
        'with locked as (select id from item where id >= 100 for update) select count(*)::int as n from locked'
      return (await client.rows(total))[0]?.n
    },
  ],
]
