import { requestHere, type RequestScope } from '../consistency/request-scope.ts'
import { readerBehind } from '../consistency/verdicts.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice } from '../routing/choice.ts'
import { catchUp, positionOf } from './catch-up.ts'
import { enterMode, leaveMode } from './consistency-mode.ts'
import { patienceOf } from './handed-pool.ts'
import type { Instance } from './instance.ts'
import type { Connection, KnexClient } from './internals.ts'
import { KeptSession, type SessionUser } from './kept-session.ts'
import { knownRole, meets, readerSessionOf } from './server-role.ts'
import { discard, type Taken } from './taken.ts'

/** What a connection is asked for in a request scope. */
export interface Use extends SessionUser {
  readonly choice: RouteChoice
  /** It may store something, and what it stored is to be shown. */
  readonly mayWrite: boolean
  /** The mode that a transaction asks for itself. */
  readonly consistency?: ConsistencyMode | undefined
  /** It, in words. */
  readonly what: () => string
}

/** The request scope of an instance that code runs in, with its sessions. */
export function requestOf(instance: Instance): RequestSessions | undefined {
  // A test runs in one session from its beginning to its end.
  return instance.testing ? undefined : requestAround(instance)
}

/** The same, whether or not it decides where anything runs. */
export function requestAround(instance: Instance): RequestSessions | undefined {
  return requestHere(instance) as RequestSessions | undefined
}

/** Where the queries and transactions of one request run, so that its reads show what it has written. */
export class RequestSessions {
  readonly scope: RequestScope
  readonly #instance: Instance
  #kept: KeptSession | undefined
  #closed = false

  constructor(instance: Instance, scope: RequestScope) {
    this.#instance = instance
    this.scope = scope
  }

  /** Takes a connection that shows what the request has written, and will show what it writes. */
  async take(use: Use): Promise<Taken> {
    const choice = this.#choose(use)
    // Who has read a stream to its end goes on before its connection comes back.
    if (use.mayWrite && use.kind === 'stream') this.scope.noteWrite()
    if (choice.target === 'writer') {
      return this.#noting(await this.#instance.pools.take(choice, use.what))
    }
    const kept = this.#kept
    if (!kept) return this.#started(await this.#instance.pools.take(choice, use.what), use)
    return kept.isHeld ? this.#whereverFirst(kept, choice, use) : this.#onKept(kept, use, kept.turn(use))
  }

  /** Gives back what was kept, at once or when it is no more in use. What is still asked for in the scope is served without keeping anything. */
  async close(): Promise<void> {
    this.#closed = true
    const kept = this.#kept
    if (kept?.isIdle) await this.#letGo(kept)
  }

  #choose({ choice }: Use): RouteChoice {
    const { settings, writes } = this.scope
    const mustMove = settings.policy === 'writer' && writes > 0 && choice.target === 'reader'
    // Whoever has said where it runs will have it there.
    if (!mustMove || choice.reason === 'asked' || choice.reason === 'hint') return choice
    return { target: 'writer', reason: 'own-write' }
  }

  #started(taken: Taken, use: Use): Promise<Taken> | Taken {
    if (knownRole(taken.connection) !== 'reader') return this.#noting(taken)
    const patienceMs = patienceOf(this.#instance.knex.client as KnexClient)
    return this.#ready(new KeptSession(taken, patienceMs, use), use)
  }

  async #onKept(kept: KeptSession, use: Use, turn: Promise<void>): Promise<Taken> {
    await turn
    if (!kept.isLost) return this.#ready(kept, use)
    kept.leave(use)
    await this.#letGo(kept)
    return this.take(use)
  }

  /**
   * Who has the session may wait for this, and those who have the pool's connections may each wait for a second one, as this would: so it takes what is
   * free first.
   */
  async #whereverFirst(kept: KeptSession, choice: RouteChoice, use: Use): Promise<Taken> {
    const turn = kept.turn(use)
    const other = this.#instance.pools.take(choice, use.what)
    const first = await Promise.any([turn.then(() => kept), other]).catch(() => other)
    if (first === kept) {
      other.then(({ connection, from }) => from.giveBack(connection)).catch(() => undefined)
      return this.#onKept(kept, use, turn)
    }
    turn.then(() => this.#leave(kept, use)).catch(() => undefined)
    return this.#started(await other, use)
  }

  /** A session that is the caller's now, once it shows what it must. */
  async #ready(session: KeptSession, use: Use): Promise<Taken> {
    try {
      if (await this.#shows(session, use)) {
        return this.#lease(session, use)
      }
    } catch (error) {
      session.leave(use)
      await this.#letGo(session)
      throw error
    }
    session.leave(use)
    await this.#letGo(session)
    return this.#insteadOfReader(use)
  }

  async #shows(session: KeptSession, { mayWrite }: Use): Promise<boolean> {
    const { connection } = session.taken
    const { writes, lsn, settings } = this.scope
    if (writes === 0 && !mayWrite) return true
    // The server is asked again what it is, once it was not asked for long.
    session.isInOtherMode = true
    await enterMode(connection, this.#modeFor(connection))
    if (session.shows === writes || knownRole(connection) !== 'reader') return true
    const caughtUp = await catchUp(connection, {
      db: this.#instance.knex,
      lsn,
      timeoutMs: settings.timeoutMs,
    })
    if (caughtUp === 'shown') session.shows = writes
    else if (caughtUp === 'behind') await discard(session.taken)
    return caughtUp === 'shown'
  }

  /** The mode in which a session shows what is written in it, where its reader forwards. */
  #modeFor(connection: Connection): ConsistencyMode | undefined {
    const { settings, writes } = this.scope
    const given = this.#instance.settings.consistency
    const reader = readerSessionOf(connection)
    if (reader?.own === undefined) return given
    if (settings.policy === 'global' && writes > 0) return 'global'
    return (given ?? reader.own) === 'eventual' ? 'session' : given
  }

  async #insteadOfReader({ what }: Use): Promise<Taken> {
    const { route } = this.#instance
    if (!route?.pools.writer) throw readerBehind(what(), this.scope.settings.timeoutMs)
    return this.#noting(await route.pools.take({ target: 'writer', reason: 'own-write' }, what))
  }

  /** A writer shows everything at once; others have to wait for what is written there. */
  #noting(taken: Taken): Taken {
    const giveBack = async (connection: Connection, wrote?: boolean): Promise<unknown> => {
      const { writes } = this.scope
      if (wrote) this.scope.noteWrite(await positionOf(connection), writes)
      return taken.from.giveBack(connection)
    }
    return { ...taken, from: { giveBack, discard: (connection) => taken.from.discard(connection) } }
  }

  #lease(session: KeptSession, use: Use): Taken {
    const { scope } = this
    let isOver = false
    const giveBack = async (connection: Connection, wrote?: boolean): Promise<void> => {
      if (isOver) return
      isOver = true
      // What takes no writes can only seem to have written.
      if (wrote && meets(connection, 'writes')) {
        const had = scope.writes
        scope.noteWrite()
        if (session.shows === had && showsOwnWrites(connection, use)) session.shows = scope.writes
      }
      if (this.#mayKeep(session)) this.#kept = session
      await this.#leave(session, use)
    }
    const { connection, choice, from } = session.taken
    if (use.kind === 'stream') session.endStream = () => giveBack(connection, use.mayWrite)
    session.choice = { ...choice, reason: use.choice.reason }
    return {
      connection,
      choice: session.choice,
      from: { giveBack, discard: () => from.discard(connection) },
    }
  }

  async #leave(session: KeptSession, user: Use): Promise<void> {
    session.leave(user)
    if (session !== this.#kept || (this.#closed && session.isIdle)) await this.#letGo(session)
  }

  #mayKeep(session: KeptSession): boolean {
    const { settings, writes } = this.scope
    if (settings.policy !== 'same-session' || this.#closed || session.isLost) return false
    return this.#kept === undefined && writes > 0 && session.shows === writes
  }

  async #letGo(session: KeptSession): Promise<void> {
    if (this.#kept === session) this.#kept = undefined
    if (!session.release()) return
    const { connection, from } = session.taken
    const isUsable = connection.__knex__disposed === undefined
    if (session.isInOtherMode && isUsable) await leaveMode(connection, this.#instance.settings.consistency)
    await from.giveBack(connection)
  }
}

function showsOwnWrites(connection: Connection, { consistency }: Use): boolean {
  const mode = consistency ?? readerSessionOf(connection)?.mode
  return mode === 'session' || mode === 'global'
}
