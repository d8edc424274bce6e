import type { Knex } from 'knex'
import { runSuspended } from '../transaction/context.ts'
import { runCallback } from './callback.ts'
import type { Instance } from './instance.ts'
import type { Container, KnexTransaction } from './internals.ts'

/**
 * Runs a callback without a transaction: each of its statements takes a connection of its own and is stored at once.
 *
 * It is handed the instance, with the ends of a transaction that end nothing, so that the same code runs inside one.
 */
export function runWithoutTransaction(
  instance: Instance,
  shell: KnexTransaction,
  container: Container,
  userParams: object,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the callback threw
    const fail = (error: unknown): void => reject(error)
    const undo = (error: unknown): void => (error === undefined ? resolve(undefined) : fail(error))
    const handle = Object.assign(instance.knex.withUserParams(userParams as Knex), {
      commit: (value?: unknown) => Promise.resolve(value).then(resolve),
      rollback: (error?: unknown) => Promise.resolve(error).then(undo),
      isCompleted: () => shell._completed,
    })
    runSuspended(instance, () => runCallback(container, handle, resolve, fail))
  })
}
