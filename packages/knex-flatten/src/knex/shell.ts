import { methodsFrom } from './derived.ts'
import type { ClassOf, KnexTransaction } from './internals.ts'

/** What a shell settles with, run where Knex would ask the pool for a connection. */
type Course = () => Promise<unknown>

const courses = new WeakMap<KnexTransaction, Course>()
const hollow = methodsFrom(deriveShell)

/** Makes one of Knex's transactions, not begun yet, one that takes no connection: whatever it does is up to `course`. */
export function hollowOut(transaction: KnexTransaction, course: Course): KnexTransaction {
  courses.set(transaction, course)
  hollow(transaction)
  return transaction
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
