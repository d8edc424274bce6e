import type { Knex } from 'knex'
import { ownReads } from './own-reads.ts'
import { ACCOUNTS, part, Refused, type Request, single, threeLevels, together } from './shop.ts'

const anAccount = (): number => Math.floor(Math.random() * ACCOUNTS)

/** What every balance adds up to, whatever was moved. */
const TOTAL = String(ACCOUNTS * 1000)

const total = async (on: Knex): Promise<string> => {
  const [{ sum }] = (await on('accounts').sum('balance as sum')) as [{ sum: string }]
  return sum
}

const book = async (trx: Knex.Transaction, write: number, account: number, amount: number): Promise<void> =>
  trx.transaction(async (scope) => {
    await scope('accounts').where({ id: account }).increment('balance', amount)
    await scope('entries').insert({ write, account, amount })
  })

/** What clients do, each so often among a hundred. */
export const requests: Readonly<Record<string, readonly [share: number, request: Request]>> = {
  ...ownReads,
  'a read': [
    20,
    async ({ db, ledger, figures }) => {
      const write = ledger.recent()
      if (!write) return
      const seen = await db('writes').where({ id: write.id })
      if (seen.length % write.rows !== 0) {
        figures.violation(`a read saw ${seen.length} of the ${write.rows} rows of write ${write.id}`)
      }
    },
  ],
  'a report': [
    8,
    async ({ db, figures }) => {
      const [first, second] = await db.transaction(
        async (trx) => [await total(trx), await total(trx)] as const,
        { readOnly: true, isolationLevel: 'repeatable read' },
      )
      if (first !== TOTAL || second !== TOTAL) figures.violation(`a report added up to ${first}, ${second}`)
    },
  ],
  'a write': [20, async (stand) => single(stand)],
  'a nested transaction': [20, async (stand) => together(stand, 3, {}, threeLevels)],
  'an idempotent one': [
    3,
    async (stand) => {
      await together(stand, 2, { retry: { idempotent: true } }, async (trx, id) => {
        await part(trx, id, 0).onConflict().ignore()
        await trx.transaction(async (scope) => part(scope, id, 1).onConflict().ignore())
      })
    },
  ],
  'a transfer': [
    10,
    async (stand) => {
      await together(stand, 1, { isolationLevel: 'repeatable read' }, async (trx, id) => {
        await part(trx, id, 0)
        const amount = 1 + Math.floor(Math.random() * 10)
        await book(trx, id, anAccount(), -amount)
        await book(trx, id, anAccount(), amount)
      })
    },
  ],
  'a serializable one': [
    4,
    async (stand) => together(stand, 3, { isolationLevel: 'serializable' }, threeLevels),
  ],
  'one that fails': [
    4,
    async (stand) => {
      await together(stand, 3, {}, async (trx, id) => {
        await threeLevels(trx, id)
        await trx.transaction(async () => Promise.reject(new Refused('on purpose')))
      }).catch(onPurpose)
    },
  ],
  'one that swallows': [
    4,
    async (stand) => {
      await together(stand, 3, {}, async (trx, id) => {
        await threeLevels(trx, id)
        await trx.transaction(async (scope) => part(scope, id, 0).catch(() => 'is there already'))
      }).catch(onPurpose)
    },
  ],
}

/** Nothing has gone wrong but what was to. */
function onPurpose(error: unknown): void {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  const swallowed = code === 'FLATTEN_UNEXPECTED_ROLLBACK' && cause?.code === '23505'
  if (!(error instanceof Refused) && !swallowed) throw error
}
