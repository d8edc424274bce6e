import { causalityToken, requestScope, type RequestPolicy } from 'knex-flatten/consistency'
import { type Request, single, type Stand, threeLevels, together } from './shop.ts'

const policies: readonly RequestPolicy[] = ['same-session', 'global', 'writer']

const anyPolicy = (): RequestPolicy => policies[Math.floor(Math.random() * policies.length)]!

/** A request whose writes were acknowledged: its reads must show them. */
async function mustShow({ db, figures }: Stand, id: number, rows: number, where: string): Promise<void> {
  const seen = await db('writes').where({ id })
  figures.count('own reads')
  if (seen.length !== rows) {
    figures.violation(`STALE: ${where}, a read saw ${seen.length} of the ${rows} rows of write ${id}`)
  }
}

const nested = (stand: Stand): Promise<number> => together(stand, 3, {}, threeLevels)

/** Requests that read what they have written, each so often among a hundred. */
export const ownReads: Readonly<Record<string, readonly [share: number, request: Request]>> = {
  'a scope': [
    8,
    (stand) => {
      const policy = anyPolicy()
      const show = (id: number, rows: number) => mustShow(stand, id, rows, `scope '${policy}'`)
      const request = async (): Promise<void> => {
        const first = await single(stand)
        await show(first, 1)
        const second = await nested(stand)
        await Promise.all([show(first, 1), show(second, 3), show(second, 3)])
      }
      return requestScope(stand.db, request, { policy })
    },
  ],
  'a busy scope': [
    3,
    (stand) => {
      const policy = anyPolicy()
      const show = (id: number, rows: number) => mustShow(stand, id, rows, `busy scope '${policy}'`)
      const request = async (): Promise<void> => {
        const first = await single(stand)
        const inParallel = [nested(stand), single(stand), show(first, 1), show(first, 1)]
        const [second, third] = (await Promise.all(inParallel)) as [number, number]
        await Promise.all([show(first, 1), show(second, 3), show(third, 1)])
      }
      return requestScope(stand.db, request, { policy })
    },
  ],
  'a token': [
    4,
    async (stand) => {
      const write = async (): Promise<readonly [number, string | undefined]> => [
        await nested(stand),
        causalityToken(stand.db),
      ]
      const [id, token] = await requestScope(stand.db, write, { policy: anyPolicy() })
      const policy = anyPolicy()
      const show = (): Promise<void> => mustShow(stand, id, 3, `scope '${policy}' with a token`)
      await requestScope(stand.db, show, { policy, token })
    },
  ],
  // For comparison: what the scope is for.
  'no scope': [
    3,
    async (stand) => {
      const id = await single(stand)
      const seen = await stand.db('writes').where({ id })
      stand.figures.count(seen.length === 0 ? 'stale without a scope' : 'fresh without a scope')
    },
  ],
}
