import type { ClassOf, KnexTransaction } from './internals.ts'

/** What a shell settles with, run where Knex would ask the pool for a connection. */
type Course = () => Promise<unknown>

const courses = new WeakMap<KnexTransaction, Course>()
const derived = new WeakMap<object, object>()

/** Makes one of Knex's transactions, not begun yet, one that takes no connection: whatever it does is up to `course`. */
export function hollowOut(transaction: KnexTransaction, course: Course): KnexTransaction {
  courses.set(transaction, course)
  const dialect = Object.getPrototypeOf(transaction) as { constructor: ClassOf<KnexTransaction> }
  let shell = derived.get(dialect)
  if (!shell) derived.set(dialect, (shell = deriveShell(dialect.constructor).prototype as object))
  return Object.setPrototypeOf(transaction, shell) as KnexTransaction
}

function deriveShell(Transaction: ClassOf<KnexTransaction>): ClassOf<KnexTransaction> {
  return class TransactionShell extends Transaction {
    override async acquireConnection(): Promise<unknown> {
      try {
        return await courses.get(this)!()
      } finally {
        this._completed = true
      }
    }
  }
}

const EVENTS = ['start', 'query', 'query-error', 'query-response'] as const

/** Lets who listens to a shell hear of what runs inside it. */
export function passEventsOn(from: KnexTransaction, to: KnexTransaction): void {
  for (const event of EVENTS) from.on(event, (...details: unknown[]) => to.emit(event, ...details))
}
