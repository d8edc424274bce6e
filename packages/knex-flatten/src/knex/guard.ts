import { transactionInfoOf } from '../events/info.ts'
import type { GuardMessage } from '../events/messages.ts'
import { publish } from '../events/publish.ts'
import type { Objection } from '../guard/objection.ts'
import type { StatementGuard } from '../guard/statement-guard.ts'
import { unsupported, warningOf } from '../guard/words.ts'
import type { GuardSettings } from '../options/flatten-settings.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { warn } from './log.ts'
import { knownRole } from './server-role.ts'
import { rootOn } from './transaction-state.ts'

/** Texts that are made anew each time would be warned of for ever. */
const MOST_WARNINGS = 1_000

/** What an instance refuses to send, and where. */
export class Guard {
  readonly #statements: StatementGuard
  readonly #settings: GuardSettings
  readonly #db: object
  readonly #hasWriter: boolean
  /** The texts that were warned of: a log is not to be flooded. */
  readonly #told = new Set<string>()

  /**
   * @param db - the instance that it guards.
   * @param hasWriter - whether that has a writer beside its reader.
   */
  constructor(statements: StatementGuard, settings: GuardSettings, db: object, hasWriter: boolean) {
    this.#db = db
    this.#hasWriter = hasWriter
    this.#statements = statements
    this.#settings = settings
  }

  /**
   * The error that a statement must be refused with on the server behind a connection out of the pool; `undefined`, for nearly all, where it may
   * be sent. What may be sent but should not is told to the log.
   */
  refusalOf(
    statement: string | QueryObject,
    client: KnexClient,
    connection: Connection,
    isStream = false,
  ): Error | undefined {
    const sql = typeof statement === 'string' ? statement : statement.sql
    const objection = isStream ? this.#statements.objectionToStream(sql) : this.#statements.objectionTo(sql)
    if (!objection) return undefined
    if (this.#settings.guard === 'reader' && knownRole(connection) !== 'reader') return undefined
    const isRefused = objection.how === 'refuse' && this.#settings.onUnsupported !== 'warn'
    this.#tell(connection, objection, isRefused ? 'refused' : 'sent')
    if (isRefused) return unsupported(objection, this.#statements.profile, this.#wayOut(client))
    this.#warn(client, objection)
    return undefined
  }

  #tell(connection: Connection, { rule, sql }: Objection, verdict: GuardMessage['verdict']): void {
    publish('knex-flatten:guard', () => {
      const root = rootOn(connection)?.root
      return { db: this.#db, transaction: root && transactionInfoOf(root), rule, verdict, sql }
    })
  }

  #wayOut(client: KnexClient): string | undefined {
    if (!this.#hasWriter) return undefined
    return client.transacting
      ? "A transaction never moves. Open this one on the writer: { target: 'writer' }."
      : 'On the writer it runs: onWriter(builder), withWriter(fn).'
  }

  #warn(client: KnexClient, objection: Objection): void {
    const { rule, sql } = objection
    const key = `${rule} ${sql}`
    if (this.#told.has(key) || this.#told.size >= MOST_WARNINGS) return
    this.#told.add(key)
    warn(client, warningOf(objection, this.#statements.profile))
  }
}
