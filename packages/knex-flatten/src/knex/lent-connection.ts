import { sqlstateOf } from '../transaction/failure.ts'
import { controlRefused } from '../transaction/test-verdicts.ts'
import type { Connection, Destroyable, QueryObject } from './internals.ts'
import type { TestSession } from './test-session.ts'
import { rootOn } from './transaction-state.ts'
import { keepUnit, undoUnit } from './test-unit.ts'

const LENT = Symbol('knex-flatten: lent connection')

/** The lending of a test's connection that stands where Knex sees a connection out of its pool. */
export function lentBehind(connection: Connection): LentConnection | undefined {
  return (connection as { [LENT]?: LentConnection })[LENT]
}

/** What begins and ends a root. They come from Knex alone: the application's own are refused before. */
const CONTROL = /^(BEGIN|COMMIT|ROLLBACK)\b(?! TO\b)/

/**
 * The one connection of a test, lent once as if it came fresh out of the pool. What would have been a transaction on it, a root or a
 * statement alone, becomes a part of the test's that can be undone alone.
 *
 * It happens below everything that makes a root a root: Knex, and all of this library, see and do what they always do.
 */
export class LentConnection {
  /** What Knex is given: the real one, but for the marks that are left on it, which go with the lending. */
  readonly handle: Connection
  readonly #session: TestSession
  /** What was begun and has not ended. */
  #unit: 'root' | 'stream' | undefined
  #finished: Promise<void> | undefined
  /** Statements of their own that were not awaited by whoever sends them on the same connection. */
  #previous: Promise<unknown> = Promise.resolve()

  constructor(session: TestSession, real: Connection) {
    this.#session = session
    this.handle = standIn(this, real)
  }

  /** Whether a transaction is open on it, as the application sees it. */
  get inRoot(): boolean {
    return this.#unit === 'root'
  }

  /** Gives it back; after the first time nothing happens. */
  takeBack(): Promise<void> {
    return this.#session.takeBack(this)
  }

  /** Runs what was to be sent, inside what it was to be sent in. */
  perform(statement: QueryObject, send: () => Promise<QueryObject>): Promise<QueryObject> {
    const { over } = this.#session
    if (over) return Promise.reject(over)
    const [, control] = CONTROL.exec(statement.sql) ?? []
    return this.#session.during(() => {
      if (control) return this.#control(control, statement)
      return this.inRoot ? send() : this.#alone(send)
    })
  }

  /** The same for a stream of rows, which may never be read to its end. */
  async stream(stream: Destroyable, send: () => Promise<unknown>): Promise<unknown> {
    if (this.inRoot && !this.#session.over) return send()
    try {
      if (this.#session.over) throw this.#session.over
      await this.#session.during(() => this.#session.beginUnit(false))
      this.#unit = 'stream'
      this.#finished = undefined
    } catch (error) {
      // Knex leaves it to its dialects to tell the stream; whoever reads from it would wait for ever.
      stream.destroy(error as Error)
      throw error
    }
    try {
      return await send()
    } finally {
      await this.finish()
    }
  }

  /** Ends what is left: a statement that nobody waits for any more, a stream that was given up. */
  finish(): Promise<void> {
    return this.#session.during(async () => {
      await this.#previous
      if (this.#unit !== 'stream') return
      await (this.#finished ??= keepUnit(this.#session.ask).catch(() => undefined))
    })
  }

  async #control(control: string, statement: QueryObject): Promise<QueryObject> {
    const { ask, site } = this.#session
    const root = rootOn(this.handle)?.root
    if (!root) throw controlRefused(statement.sql, site)
    if (control === 'BEGIN') {
      await this.#session.beginUnit(root.readOnly)
      this.#unit = 'root'
    } else if (this.inRoot) {
      this.#unit = undefined
      if (control === 'COMMIT') return { ...statement, response: { command: await commit() } }
      await undoUnit(ask)
    }
    return { ...statement, response: { command: control } }

    async function commit(): Promise<string> {
      try {
        await keepUnit(ask)
        return 'COMMIT'
      } catch (error) {
        // COMMIT in an aborted transaction is no error: it is answered with ROLLBACK.
        if (sqlstateOf(error) === '25P02') return 'ROLLBACK'
        throw error
      }
    }
  }

  #alone(send: () => Promise<QueryObject>): Promise<QueryObject> {
    const { ask } = this.#session
    const run = async (): Promise<QueryObject> => {
      await this.#session.beginUnit(false)
      let answer: QueryObject
      try {
        answer = await send()
      } catch (error) {
        await undoUnit(ask).catch(() => undefined)
        throw error
      }
      await keepUnit(ask)
      return answer
    }
    const answer = this.#previous.then(run)
    this.#previous = answer.catch(() => undefined)
    return answer
  }
}

/** Passes everything on to the connection, and keeps to itself what is written on it. */
function standIn(lent: LentConnection, real: Connection): Connection {
  const marks: Record<PropertyKey, unknown> = { [LENT]: lent }
  return new Proxy(real, {
    get(target, key) {
      if (Object.hasOwn(marks, key)) return marks[key]
      if (key === 'getTransactionStatus') return () => (lent.inRoot ? 'T' : 'I')
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set(_target, key, value) {
      marks[key] = value
      return true
    },
    deleteProperty(_target, key) {
      return Reflect.deleteProperty(marks, key)
    },
  })
}
