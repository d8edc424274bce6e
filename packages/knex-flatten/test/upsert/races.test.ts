import { getOrCreate, tryInsert, updateOrCreate } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { savepointsReceived } from '../../../../test/setup/server-log.ts'
import { anywhere, strategies, useWallets } from './wallets.ts'

const places = ['the primary', 'the reader and the primary'] as const
const cases = strategies.flatMap((strategy) => places.map((place) => [strategy, place] as const))
const CALLERS = 12
const KEYS = 4

describe.each(cases)('many sessions at once, strategy %s, on %s', (strategy, place) => {
  const wallets = useWallets()
  /** All callers ask for the same keys, in the same order, each from a session of its own; half of them through the reader, where it takes part. */
  const race = async <Result>(
    user: number,
    call: (db: ReturnType<typeof wallets.open>, currency: string, caller: number) => Promise<Result>,
  ): Promise<Result[][]> => {
    const primary = wallets.open('primary')
    const other = place === 'the primary' ? primary : wallets.open('reader')
    const byKey: Result[][] = []
    for (let key = 0; key < KEYS; key++) {
      const callers = Array.from({ length: CALLERS }, (_, caller) =>
        call(caller % 2 ? primary : other, `${user}-${key}`, caller),
      )
      byKey.push(await Promise.all(callers))
    }
    return byKey
  }

  it('getOrCreate gives everyone the one row, and tells exactly one that it was created', async () => {
    const results = await race(1, (db, currency, caller) =>
      anywhere(db, caller, (on) =>
        getOrCreate(
          on,
          'wallets',
          caller % 4 < 2 ? { user_id: 1, currency } : { currency, user_id: 1 },
          { balance: caller },
          { strategy },
        ),
      ),
    )
    for (const callers of results) {
      expect(callers.filter(({ created }) => created)).toHaveLength(1)
      expect(new Set(callers.map(({ row }) => JSON.stringify(row))).size).toBe(1)
    }
    expect(await wallets.rows('select from wallets where user_id = 1')).toHaveLength(KEYS)
  })

  it('updateOrCreate loses no update, and tells exactly one that it was created', async () => {
    const results = await race(2, (db, currency, caller) =>
      anywhere(db, caller, (on) =>
        updateOrCreate(
          on,
          'wallets',
          { user_id: 2, currency },
          { balance: on.raw('balance + 1') },
          { strategy, onCreate: { balance: 1 } },
        ),
      ),
    )
    for (const callers of results) {
      expect(callers.filter(({ created }) => created)).toHaveLength(1)
      const balances = callers.map(({ row }) => Number(row.balance)).sort((one, other) => one - other)
      expect(balances).toEqual(Array.from({ length: CALLERS }, (_, caller) => caller + 1))
    }
  })

  it('tryInsert inserts for exactly one, and is a conflict for the others', async () => {
    const results = await race(3, (db, currency, caller) =>
      anywhere(db, caller, (on) =>
        tryInsert(
          on,
          'wallets',
          { user_id: 3, currency, balance: caller },
          { strategy, key: ['user_id', 'currency'] },
        ),
      ),
    )
    for (const callers of results) {
      expect(callers.filter(({ inserted }) => inserted.length === 1)).toHaveLength(1)
      expect(callers.filter(({ conflicts }) => conflicts.length === 1)).toHaveLength(CALLERS - 1)
    }
  })

  it('sends no savepoint, and provokes no error', async () => {
    expect(await savepointsReceived(wallets.primaryUrl)).toEqual([])
    expect(await errorsIn(wallets.rows, wallets.primaryUrl)).toEqual([])
  })
})

/** What the server has logged as failed in a database. */
async function errorsIn(rows: (sql: string) => Promise<{ log: string }[]>, url: string): Promise<string[]> {
  const [answer] = await rows(`select pg_read_file('server.log') as log`)
  const database = ` ${new URL(url).pathname.slice(1)} `
  return answer!.log.split('\n').filter((line) => line.includes(database) && line.includes(' ERROR: '))
}
