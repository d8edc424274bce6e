import type { Answered } from './requests.ts'
import type { Seen } from './round.ts'

/** What this example claims, and whether it was seen to be so. */
export interface Claim {
  readonly claim: string
  readonly seen: string
  readonly holds: boolean
}

const named = (name: string) => (answered: Answered) => answered.asked.what === name

/** Everything that was seen, once the writer has moved. */
export interface Story {
  readonly before: readonly Seen[]
  readonly meanwhile: readonly Answered[]
  readonly after: readonly Seen[]
  /** The numbers of all orders that the writer has. */
  readonly stored: ReadonlySet<number>
}

export function claims({ before, meanwhile, after, stored }: Story): Claim[] {
  const both = [...before, ...after]
  const reads = both.filter(({ asked }) => asked.what === 'list orders' || asked.what === 'report')
  const unscoped = both.filter(named('place one, look'))
  const scoped = both.filter((each) => named('… in a scope')(each) || named('… there, look here')(each))
  const orders = both.filter(named('place an order'))
  const closings = both.filter(named('close the day'))
  const moved = both.filter((each) => each.ranOn !== before.find(named(each.asked.what))!.ranOn)
  const acknowledged = [...both, ...meanwhile].filter(
    ({ asked, good }) => good && asked.path === '/orders' && asked.method === 'POST',
  )
  const lost = acknowledged.filter(({ body }) => !stored.has(body))
  const failed = meanwhile.filter(({ good }) => !good)
  return [
    {
      claim: 'what reads stays in its Region, wherever the writer is',
      seen: `${sum(reads)} crossings in ${reads.length} requests`,
      holds: sum(reads) === 0 && reads.every(({ ranOn }) => ranOn.startsWith('reader')),
    },
    {
      claim: 'nested transactions cross once a write and once for COMMIT, near or far',
      seen: `${orders.map(({ crossings }) => crossings).join(', ')} crossings, ${orders.map(({ ms }) => ms).join(', ')} ms`,
      holds: orders.every(({ ranOn, crossings }) => ranOn === 'reader (forwards)' && crossings === 7),
    },
    {
      claim: 'what no reader takes goes to the writer by itself',
      seen: [...new Set(closings.map(({ ranOn }) => ranOn))].join(', '),
      holds: closings.every(({ ranOn }) => ranOn === 'writer (writer-only)'),
    },
    {
      claim: 'in a request scope one reads what one has written, and with its token also in the other Region',
      seen: `${whole(scoped)} of ${scoped.length} saw all of it; without a scope ${whole(unscoped)} of ${unscoped.length}`,
      holds: whole(scoped) === scoped.length,
    },
    {
      claim: 'both Regions run the same code in the same places, before and after',
      seen: `${both.length - moved.length} of ${both.length} requests`,
      holds: moved.length === 0 && both.every(({ good }) => good),
    },
    {
      claim: 'no order that was acknowledged is lost by the switchover',
      seen: `${acknowledged.length} acknowledged, ${lost.length} lost; ${failed.length} of ${meanwhile.length} requests failed meanwhile`,
      holds: lost.length === 0,
    },
  ]
}

function sum(seen: readonly Seen[]): number {
  return seen.reduce((total, { crossings }) => total + crossings, 0)
}

/** How many were shown the order and its line. */
function whole(seen: readonly Seen[]): number {
  return seen.filter(({ body }) => body.orders === 1 && body.lines === 1).length
}
