import type { CrossingBudget } from '../crossings/crossing-tally.ts'
import { type Check, isRecord, positive } from './check.ts'

/** Of what may cross to the writer, in a transaction or in a request. */
export const crossingBudget: Check = {
  allowed: '{ warn, max }, each a whole number, 1 or more, and warn below max',
  holds: isBudget,
}

function isBudget(value: unknown): boolean {
  if (!isRecord(value) || !Object.keys(value).every((key) => key === 'warn' || key === 'max')) return false
  const { warn = 0, max = Infinity } = value as CrossingBudget
  const counts = [value['warn'], value['max']].filter((count) => count !== undefined)
  return counts.every((count) => Number.isInteger(count) && positive(count)) && warn < max
}
