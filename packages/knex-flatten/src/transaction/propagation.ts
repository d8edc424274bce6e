import { TransactionOptionsError } from '../errors/errors.ts'
import type { Frame } from './frame.ts'

/**
 * How a transaction relates to the one it is asked for in; the meanings are Spring's.
 *
 * | propagation       | inside a transaction                        | outside                     |
 * | ----------------- | ------------------------------------------- | --------------------------- |
 * | `'required'`      | joins it as a scope                         | a transaction of its own    |
 * | `'requires-new'`  | one of its own, on another connection       | a transaction of its own    |
 * | `'nested'`        | a scope, as `nested` of `flatten()` has it  | a transaction of its own    |
 * | `'supports'`      | joins it as a scope                         | runs without a transaction  |
 * | `'not-supported'` | runs without, the one around is suspended   | runs without a transaction  |
 * | `'mandatory'`     | joins it as a scope                         | `TransactionOptionsError`   |
 * | `'never'`         | `TransactionOptionsError`                   | runs without a transaction  |
 */
export type Propagation = (typeof propagations)[number]

export const propagations = [
  'required',
  'requires-new',
  'nested',
  'supports',
  'not-supported',
  'mandatory',
  'never',
] as const

/** What is to be done: join what is around as a scope, begin a root, or run without a transaction. */
export type Course = 'join' | 'begin' | 'without'

/** @throws TransactionOptionsError for `mandatory` outside of a transaction and `never` inside one. */
export function chart(propagation: Propagation, around: Frame | undefined): Course {
  switch (propagation) {
    case 'required':
    case 'nested':
      return around ? 'join' : 'begin'
    case 'requires-new':
      return 'begin'
    case 'supports':
      return around ? 'join' : 'without'
    case 'not-supported':
      return 'without'
    case 'mandatory':
      if (around) return 'join'
      throw new TransactionOptionsError(
        "transaction(): propagation 'mandatory' was asked for outside of any transaction. Open one around it, or use " +
          "'required'. With flatten(knex, { ambient: true }) a transaction opened on the instance is found by itself.",
      )
    case 'never':
      if (!around) return 'without'
      throw new TransactionOptionsError(
        `transaction(): propagation 'never' was asked for inside the ${around}. Call it outside, or use 'not-supported'.`,
      )
  }
}
