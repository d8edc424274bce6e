import type { ClassOf, KnexTransaction } from './internals.ts'

/** Derives a class from the one that a dialect makes its transactions of. */
type Derive = (Transaction: ClassOf<KnexTransaction>) => ClassOf<KnexTransaction>

/**
 * Gives transactions that Knex has made the methods of a class derived from theirs, once per dialect. Knex does nothing with a
 * new transaction before the next microtask, so they are there before the first of them is called.
 *
 * They are put on the transaction itself: to exchange its prototype costs V8 more than everything that is done with it later.
 */
export function methodsFrom(derive: Derive): (transaction: KnexTransaction) => void {
  const derived = new WeakMap<object, object>()
  return (transaction) => {
    const dialect = Object.getPrototypeOf(transaction) as { constructor: ClassOf<KnexTransaction> }
    let methods = derived.get(dialect)
    if (!methods) derived.set(dialect, (methods = methodsOf(derive(dialect.constructor))))
    Object.assign(transaction, methods)
  }
}

function methodsOf({ prototype }: ClassOf<KnexTransaction>): object {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(prototype as object))
  return Object.fromEntries(
    methods.flatMap(([name, { value }]) => (name === 'constructor' ? [] : [[name, value as unknown]])),
  )
}
