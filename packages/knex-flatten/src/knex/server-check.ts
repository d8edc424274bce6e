import { isSameServer, type ServerFacts, strangersBy } from '../routing/server.ts'
import { twoClusters, twoWriters } from '../routing/verdicts.ts'
import { withinTime } from '../transaction/within-time.ts'
import type { ClientPool } from './client-pool.ts'
import type { Connection } from './internals.ts'
import { askServer } from './server-facts.ts'
import { knownRole } from './server-role.ts'

/** Milliseconds that a pool has to say what it leads to, where that decides about another. */
const PATIENCE_MS = 5_000

/** A pool whose server takes writes itself, and what that server says of itself. */
interface Seat {
  readonly pool: ClientPool
  readonly facts: ServerFacts | undefined
}

/** Sees to it that all pools of an instance lead to one cluster, and that one server of it at most is written to. */
export class ServerCheck {
  readonly #writer: ClientPool | undefined
  /** What the first connection of each pool led to. */
  readonly #known = new Map<ClientPool, ServerFacts | undefined>()
  readonly #meeting = new Map<ClientPool, Promise<void>>()
  /** Connections to a server that is not in recovery, and may be written to. */
  readonly #admitted = new WeakSet<Connection>()
  readonly #asking = new Map<ClientPool, Promise<ServerFacts | undefined>>()
  /** The one that is written to, as far as anybody knows. */
  #seat: Seat | undefined

  constructor(writer: ClientPool | undefined) {
    this.#writer = writer
  }

  /** Whether there is nothing to ask. */
  isSettled(pool: ClientPool, connection: Connection): boolean {
    return this.#known.has(pool) && (knownRole(connection) !== 'writer' || this.#admitted.has(connection))
  }

  /** Asks what is not known yet of a connection fresh out of a pool. @throws TransactionOptionsError for two clusters, and two writers */
  async settle(pool: ClientPool, connection: Connection): Promise<void> {
    if (!this.#known.has(pool)) await this.#meet(pool, connection)
    if (knownRole(connection) !== 'writer' || this.#admitted.has(connection)) return
    await this.#admit(pool, connection)
    this.#admitted.add(connection)
  }

  /** Once for each pool; whoever comes meanwhile waits for the answer. */
  async #meet(pool: ClientPool, connection: Connection): Promise<void> {
    const met = this.#meeting.get(pool) ?? this.#compare(pool, connection)
    this.#meeting.set(pool, met)
    try {
      await met
    } finally {
      this.#meeting.delete(pool)
    }
  }

  async #compare(pool: ClientPool, connection: Connection): Promise<void> {
    const facts = await askServer(connection)
    for (const other of facts ? this.#known.values() : []) {
      const difference = other && strangersBy(facts!, other)
      if (difference) throw twoClusters(facts!, other, difference)
    }
    this.#known.set(pool, facts)
  }

  /** Of a server that is not in recovery. @throws TransactionOptionsError where another one is not either */
  async #admit(pool: ClientPool, connection: Connection): Promise<void> {
    let facts = this.#known.get(pool)
    if (pool !== this.#writer || (this.#seat && this.#seat.pool !== pool)) facts = await askServer(connection)
    for (;;) {
      const seat = this.#seat ?? (this.#writer && { pool: this.#writer, facts: undefined })
      // A server that says nothing of itself is told from none; and a pool leads where it leads.
      if (!facts || !seat || seat.pool === pool) break
      if (seat.facts && isSameServer(seat.facts, facts)) break
      const rival = await this.#askAnew(seat)
      // Somebody else came first.
      if ((this.#seat ?? seat).pool !== seat.pool) continue
      // Nobody is there, or the two have changed places.
      if (!rival?.started || rival.inRecovery || isSameServer(rival, facts)) break
      throw twoWriters(facts, rival)
    }
    this.#seat = { pool, facts }
  }

  /** What a pool leads to now; `undefined` where nobody answers. */
  async #askAnew({ pool, facts }: Seat): Promise<ServerFacts | undefined> {
    const asked = this.#asking.get(pool) ?? askPool(pool)
    this.#asking.set(pool, asked)
    try {
      return await asked
    } catch {
      // All its connections are at work: it is where it was.
      return pool.isFull ? facts : undefined
    } finally {
      this.#asking.delete(pool)
    }
  }
}

async function askPool(pool: ClientPool): Promise<ServerFacts | undefined> {
  const held = new Set<Connection>()
  const asked = askOn(pool, held).catch((error: unknown) => {
    // Who has lost one connection opens another, unless there is nobody.
    if (held.size === 0) throw error
    held.clear()
    return askOn(pool, held)
  })
  try {
    return await withinTime(PATIENCE_MS, asked, () => new Error('Nobody answers.'))
  } catch (error) {
    for (const connection of held) close(pool, connection, error)
    throw error
  }
}

/** @param held - has the connection until there is an answer. */
async function askOn(pool: ClientPool, held: Set<Connection>): Promise<ServerFacts | undefined> {
  const connection = await pool.take()
  held.add(connection)
  try {
    const facts = await askServer(connection)
    held.delete(connection)
    return facts
  } catch (error) {
    close(pool, connection, error)
    throw error
  } finally {
    await pool.giveBack(connection)
  }
}

function close(pool: ClientPool, connection: Connection, error: unknown): void {
  connection.__knex__disposed ??= error
  pool.discard(connection).catch(() => {
    // It was gone already.
  })
}
