import {
  type Attributes,
  context,
  type Context,
  createContextKey,
  type Span,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import type { ScopeInfo, TransactionInfo } from '../events/info.ts'
import type { HookInfo, Traced } from '../events/messages.ts'
import { endedAttributes, openedAttributes, placeAttributes, routeAttributes, SYSTEM } from './attributes.ts'
import { errorAttributes, recordFailure } from './errors.ts'
import { listen, type Stop } from './listen.ts'

type Told = TransactionInfo | ScopeInfo | HookInfo

/** The innermost transaction or scope that the code runs in. */
const AROUND = createContextKey('knex-flatten: the transaction or scope around')

interface SpansOptions {
  readonly db: object
  readonly tracer: Tracer
  /** Whether SQL is told. */
  readonly statements: boolean
}

/** Makes spans of the transactions, scopes and hooks of an instance, and events on them of what happens meanwhile. */
export class Spans {
  readonly #db: object
  readonly #tracer: Tracer
  readonly #statements: boolean
  readonly #spans = new WeakMap<Told, Span>()

  constructor({ db, tracer, statements }: SpansOptions) {
    this.#db = db
    this.#tracer = tracer
    this.#statements = statements
  }

  /** From now on. */
  listen(): Stop[] {
    return [
      listen('tracing:knex-flatten:transaction:start', ({ transaction, runIn }) => {
        this.#open(transaction, { name: nameOf('transaction', transaction.name), runIn })
      }),
      listen('tracing:knex-flatten:transaction:asyncEnd', ({ transaction, error }) => {
        this.#end(transaction, error, endedAttributes(transaction))
      }),
      listen('tracing:knex-flatten:scope:start', ({ scope, runIn }) => {
        this.#open(scope, { name: nameOf('scope', scope.name), parent: scope.parent, runIn })
      }),
      listen('tracing:knex-flatten:scope:asyncEnd', ({ scope, error }) => {
        this.#end(scope, error)
      }),
      listen('tracing:knex-flatten:hook:start', ({ hook, runIn }) => {
        this.#open(hook, { name: nameOf('hook', hook.moment), parent: hook.transaction, runIn })
      }),
      listen('tracing:knex-flatten:hook:asyncEnd', ({ hook, error }) => {
        this.#end(hook, error)
      }),
      ...this.#listenToEvents(),
    ]
  }

  #listenToEvents(): Stop[] {
    return [
      listen('knex-flatten:begin', ({ transaction }) => {
        this.#event(transaction, 'begin', routeAttributes(transaction.route))
      }),
      listen('knex-flatten:doom', ({ in: frame, kind, error, sql }) => {
        this.#event(frame, 'doom', {
          'knex_flatten.kind': kind,
          ...(error !== undefined && errorAttributes(error)),
          ...this.#text(sql),
        })
      }),
      listen('knex-flatten:guard', ({ db, transaction, rule, verdict, sql }) => {
        if (db !== this.#db) return
        this.#event(transaction, 'guard', {
          'knex_flatten.rule': rule,
          'knex_flatten.verdict': verdict,
          ...this.#text(sql),
        })
      }),
      listen('knex-flatten:crossings', ({ db, transaction, budget, verdict, limit, sql }) => {
        if (db !== this.#db) return
        this.#event(transaction, 'crossings', {
          'knex_flatten.budget': budget,
          'knex_flatten.verdict': verdict,
          'knex_flatten.limit': limit,
          ...this.#text(sql),
        })
      }),
      listen('knex-flatten:route', ({ db, transaction, route, statements }) => {
        // Of a transaction its span says so.
        if (db !== this.#db || transaction) return
        this.#event(undefined, 'route', { ...routeAttributes(route), ...this.#text(statements.join('; ')) })
      }),
      // The span of what has failed has ended: who waits for all the runs is told.
      listen('knex-flatten:retry', ({ transaction, attempt, error, pauseMs }) => {
        if (transaction.db !== this.#db) return
        this.#event(undefined, 'retry', {
          'knex_flatten.attempt': attempt,
          'knex_flatten.pause': pauseMs / 1_000,
          ...errorAttributes(error),
        })
      }),
    ]
  }

  #open(
    told: Told,
    { name, parent, runIn }: Pick<Traced, 'runIn'> & { name: string; parent?: TransactionInfo | ScopeInfo },
  ): void {
    if (dbOf(told) !== this.#db) return
    const around = this.#contextInside(parent)
    const attributes = 'kind' in told ? openedAttributes(told) : hookAttributes(told)
    const span = this.#tracer.startSpan(name, { attributes }, around)
    this.#spans.set(told, span)
    const inside = trace.setSpan(around, span)
    const marked = 'kind' in told ? inside.setValue(AROUND, told) : inside
    runIn((run) => context.with(marked, run))
  }

  /** Where the code runs that has asked; inside of what it belongs to, should it have been asked for from elsewhere. */
  #contextInside(parent: TransactionInfo | ScopeInfo | undefined): Context {
    const active = context.active()
    const span = parent && this.#spans.get(parent)
    return !span || active.getValue(AROUND) === parent ? active : trace.setSpan(active, span)
  }

  #end(told: Told, error: unknown, attributes: Attributes = {}): void {
    const span = this.#spans.get(told)
    if (!span) return
    try {
      span.setAttributes(attributes)
      if (error !== undefined) recordFailure(span, error, this.#statements)
    } finally {
      span.end()
    }
  }

  #event(told: Told | undefined, name: string, attributes: Attributes): void {
    const span = told ? this.#spans.get(told) : trace.getActiveSpan()
    span?.addEvent(`knex_flatten.${name}`, attributes)
  }

  #text(sql: string | undefined): Attributes {
    return this.#statements && sql ? { 'db.query.text': sql } : {}
  }
}

function dbOf(told: Told): object {
  return 'kind' in told && told.kind === 'transaction' ? told.db : told.transaction.db
}

function nameOf(what: string, name: string | undefined): string {
  return name === undefined ? what : `${what} ${name}`
}

function hookAttributes({ moment, registeredAt }: HookInfo): Attributes {
  return { ...SYSTEM, 'knex_flatten.moment': moment, ...placeAttributes(registeredAt) }
}
