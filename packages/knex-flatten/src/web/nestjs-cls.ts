import type { TransactionalAdapter } from '@nestjs-cls/transactional'
import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { refuseUnlessFlattened } from '../knex/running-frame.ts'

/** Where {@link flattenAdapter} finds the instance, and what it opens transactions with. */
export interface FlattenAdapterOptions {
  /** The injection token of what `flatten()` returned. */
  readonly token: string | symbol | (abstract new (...args: never[]) => unknown)
  /** What every transaction is opened with, where the call says nothing else. */
  readonly defaultTxOptions?: Knex.TransactionConfig
}

/** What `TransactionHost<FlattenAdapter>` and `@Transactional<FlattenAdapter>()` are typed with. */
export type FlattenAdapter = TransactionalAdapter<Knex, Knex, Knex.TransactionConfig>

/**
 * The adapter of a flattened instance for `@nestjs-cls/transactional`: `@Transactional()` on a controller's method makes its request
 * one transaction, committed before NestJS answers. What is thrown rolls back; where COMMIT fails, it is thrown.
 *
 * `Propagation.Nested` opens a scope of the running transaction, without a savepoint.
 *
 * @throws TransactionOptionsError where there is no token, and at start where what it stands for is not flattened.
 *
 * @example
 * ```ts
 * ClsModule.forRoot({
 *   plugins: [new ClsPluginTransactional({ imports: [KnexModule], adapter: flattenAdapter({ token: KNEX }) })],
 * })
 * ```
 */
export function flattenAdapter({ token, defaultTxOptions = {} }: FlattenAdapterOptions): FlattenAdapter {
  if (!token) {
    throw new TransactionOptionsError(
      'flattenAdapter({ token }): token must be the injection token of what flatten(knex) returned.',
    )
  }
  return {
    connectionToken: token,
    defaultTxOptions,
    optionsFactory: (db) => {
      refuseUnlessFlattened(db, 'flattenAdapter({ token })')
      const run =
        (on: Knex) =>
        (config: Knex.TransactionConfig, call: () => Promise<unknown>, setTx: (trx?: Knex) => void) =>
          on.transaction((trx) => {
            setTx(trx)
            return call()
          }, config)
      return {
        wrapWithTransaction: (config, call, setTx) =>
          run(db)({ propagation: 'requires-new', ...config }, call, setTx),
        wrapWithNestedTransaction: (config, call, setTx, trx) => run(trx)(config, call, setTx),
        getFallbackInstance: () => db,
      }
    },
  }
}
