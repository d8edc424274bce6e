import type { Step } from './kind.ts'

/** `` `saveOrder` (orders.ts:12, and in 2 more) ``: a function, where it does so, and how many others do the same in its place. */
export function stepText({ name, file, line, others }: Step<unknown>): string {
  return `\`${name}\` (${file}:${line}${others === undefined ? '' : `, and in ${others} more`})`
}
