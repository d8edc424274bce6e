import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, checkAll, isRecord, oneOf, positive, refuseUnknown, show } from '../options/check.ts'

/** How a request's transaction is opened and ended; `Request` is what the framework calls it. */
export interface RequestTransactionOptions<Request> {
  /**
   * The lowest status of an answer that rolls back, 400 or 500. What is thrown rolls back in any case, as far as the framework
   * lets it be seen. Default 500; 400 with Express, which does not tell a middleware what was thrown behind it.
   */
  readonly rollbackFrom?: 400 | 500
  /** The methods whose transaction may only read, e.g. `['GET', 'HEAD']`: a write there is refused by the server. Default none. */
  readonly readOnlyMethods?: readonly string[]
  /** Answers true for a request that is to run without a transaction. Default: none is. */
  readonly skip?: (request: Request) => boolean
  /** The isolation level of the transactions. Default: the server's. */
  readonly isolationLevel?: Knex.IsolationLevels
  /**
   * How many bytes of an answer are held back, at most, where its rows are streamed out of the transaction itself. Default
   * 16 MiB; a longer one is rolled back.
   */
  readonly maxHeldBytes?: number
}

/** {@link RequestTransactionOptions}, all of them said. */
export interface RequestTransactionSettings<Request> {
  readonly rollbackFrom: number
  readonly maxHeldBytes: number
  readonly skip: (request: Request) => boolean
  /** What its transaction is opened with. */
  readonly configFor: (method: string, name: string) => Knex.TransactionConfig
}

const methods: Check = {
  allowed: "an array of method names, e.g. ['GET', 'HEAD']",
  holds: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === 'string' && /^[A-Z-]+$/.test(one)),
}

const checks: Record<keyof RequestTransactionOptions<never>, Check> = {
  rollbackFrom: oneOf([400, 500]),
  readOnlyMethods: methods,
  skip: { allowed: 'a function of the request', holds: (value) => typeof value === 'function' },
  isolationLevel: oneOf([
    'read committed',
    'repeatable read',
    'snapshot',
    'serializable',
    'read uncommitted',
  ]),
  maxHeldBytes: { allowed: 'a positive number of bytes', holds: positive },
}

const WHERE = 'transactionPerRequest(db, options)'

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkRequestOptions<Request>(
  options: RequestTransactionOptions<Request>,
  defaults: { readonly rollbackFrom: 400 | 500 },
): RequestTransactionSettings<Request> {
  refuseNoRecord(options)
  refuseUnknown(WHERE, options, checks)
  checkAll(WHERE, options, checks)
  const { rollbackFrom = defaults.rollbackFrom, maxHeldBytes = 16 * 1024 * 1024 } = options
  const { skip = () => false, readOnlyMethods = [], isolationLevel } = options
  return {
    rollbackFrom,
    maxHeldBytes,
    skip,
    configFor: (method, name) => ({
      name,
      ...(readOnlyMethods.includes(method) && { readOnly: true }),
      ...(isolationLevel && { isolationLevel }),
    }),
  }
}

function refuseNoRecord(options: unknown): void {
  if (isRecord(options)) return
  throw new TransactionOptionsError(`${WHERE}: options must be an object, not ${show(options)}.`)
}
