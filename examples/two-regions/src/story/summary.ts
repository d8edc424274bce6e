import type { Story } from './claims.ts'
import type { Seen } from './round.ts'

/** What a reader of the tables would say of them. */
export function summary({ before, meanwhile, after }: Story): string[] {
  const ms = (seen: readonly Seen[], what: string, region: string): number =>
    seen.find((each) => each.asked.what === what && each.region === region)!.ms
  const order = (seen: readonly Seen[]): string =>
    `${ms(seen, 'place an order', 'eu')} ms in eu and ${ms(seen, 'place an order', 'us')} ms in us`
  const reads = [...before, ...after].filter(
    ({ asked }) => asked.what === 'list orders' || asked.what === 'report',
  )
  const failed = meanwhile.filter(({ good }) => !good).length
  return [
    `The same order took ${order(before)}, and ${order(after)} once the writer had moved.`,
    `What only reads took ${Math.max(...reads.map((each) => each.ms))} ms at most, in either Region, before and after.`,
    `Of ${meanwhile.length} requests made around the switchover ${failed} failed, with what the table says.`,
  ]
}
