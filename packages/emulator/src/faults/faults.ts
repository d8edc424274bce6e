import { inject } from '../backend/inject.ts'
import { openBackend } from '../backend/open-backend.ts'
import { EmulatorError } from '../emulator-error.ts'
import type { ServerControl, ServerPair } from '../servers.ts'
import { describeError } from '../wire/error-response.ts'
import type { CommitTrap, LostAnswer } from './commit-trap.ts'
import { StandbyFeed } from './standby-feed.ts'
import type { WayToWriter } from './way-to-writer.ts'

/** A fault that lasts until it is taken back. */
export type LastingFault = 'lose-next-commit-answer' | 'exhaust-slots' | 'cut-network'

/** What a fault does to the sessions of an endpoint. */
export interface EndpointSessions {
  /** All of them end, because their server is about to change its role; new ones are told to come back. */
  beginSwitchover(): void
  endSwitchover(): void
}

/**
 * Faults on demand. Each resolves when it is in force, or when the server is back; what a client sees of it is in
 * `docs/emulator/faults.md`.
 *
 * Those that restart, crash or exchange servers work on servers that the emulator has started.
 */
export class Faults {
  readonly #servers: ServerPair
  readonly #way: WayToWriter
  readonly #trap: CommitTrap
  readonly #sessions: EndpointSessions
  readonly #feed = new StandbyFeed()

  constructor(servers: ServerPair, way: WayToWriter, trap: CommitTrap, sessions: EndpointSessions) {
    this.#servers = servers
    this.#way = way
    this.#trap = trap
    this.#sessions = sessions
  }

  /** Those in force now. */
  get lasting(): readonly LastingFault[] {
    return [
      ...(this.#trap.armed ? (['lose-next-commit-answer'] as const) : []),
      ...(this.#way.slots.exhausted ? (['exhaust-slots'] as const) : []),
      ...(this.#way.isCut ? (['cut-network'] as const) : []),
    ]
  }

  /** A fast shutdown of the primary, and its start on the same port. @throws EmulatorError `EMULATOR_FAULT` */
  async restartWriter(): Promise<void> {
    await this.#control('restartWriter').restart('primary')
    this.#way.slots.forget()
  }

  /** Kills all of the primary's processes, and starts it again on the same port. @throws EmulatorError `EMULATOR_FAULT` */
  async crashWriter(): Promise<void> {
    await this.#control('crashWriter').crash('primary')
    this.#way.slots.forget()
  }

  /** As {@link restartWriter}, for the standby: the reader's sessions end. @throws EmulatorError `EMULATOR_FAULT` */
  async restartStandby(): Promise<void> {
    await this.#control('restartStandby').restart('standby')
  }

  /**
   * Ends every session that this reader has open on the primary, idle or in a transaction.
   *
   * @returns how many there were
   * @throws EmulatorError `EMULATOR_FAULT` if the primary does not let us
   */
  async killForwardedSessions(): Promise<number> {
    const { primary, user, database } = this.#servers
    const victims = this.#way.sessions
    if (victims.length === 0) return 0
    const parameters = new Map([
      ['user', user],
      ['database', database],
      ['application_name', 'forwarding-reader'],
    ])
    const pids = victims.map(({ greeting }) => greeting.key.pid).join(', ')
    const ignored = { notice: () => undefined, lost: () => undefined }
    const admin = await openBackend('primary', primary, parameters, ignored)
    const { error } = await inject(
      admin,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (${pids})`,
    )
    admin.end()
    if (error) {
      const said = describeError(error).text
      throw new EmulatorError(
        'EMULATOR_FAULT',
        `The primary did not end the forwarded sessions: ${said}. Name a superuser in its URL, or let clients log in as ${user} alone.`,
      )
    }
    await this.#way.left(victims)
    return victims.length
  }

  /**
   * The next COMMIT that crosses, or the next forwarded statement that commits by itself, gets no answer. Strikes once;
   * calling it again replaces it.
   */
  loseNextCommitAnswer(lost: LostAnswer): Promise<void> {
    const { applied, severs = 'writer' } = lost
    if (typeof applied !== 'boolean' || !['writer', 'client'].includes(severs)) {
      const takes = "{ applied: true or false, severs?: 'writer' or 'client' }"
      const what = `loseNextCommitAnswer() takes ${takes}, not ${JSON.stringify(lost)}.`
      return Promise.reject(new EmulatorError('EMULATOR_OPTIONS', what))
    }
    this.#trap.arm({ applied, severs })
    return Promise.resolve()
  }

  /** The writer has no slot left: forwarded sessions that are open go on, and no new one is opened. */
  exhaustSlots(): Promise<void> {
    this.#way.slots.exhaust()
    return Promise.resolve()
  }

  releaseSlots(): Promise<void> {
    this.#way.slots.release()
    return Promise.resolve()
  }

  /**
   * Cuts the network between the reader and the writer: forwarded sessions freeze, new ones wait, and the standby receives
   * nothing. Nobody is told, as in a real network.
   *
   * @throws EmulatorError `EMULATOR_FAULT` if the standby cannot be cut off, which takes a superuser
   */
  async cutNetwork(): Promise<void> {
    this.#way.cut()
    await this.#servers.control?.settled()
    await this.#feed.cut(this.#servers)
  }

  /** What waited goes on, and ends with its true answer. */
  async healNetwork(): Promise<void> {
    this.#way.heal()
    await this.#servers.control?.settled()
    await this.#feed.heal(this.#servers)
  }

  /**
   * The servers change places, and nothing committed is lost: the standby becomes the primary, the primary its standby, and
   * the reader stands in front of the new standby. The reader's sessions end.
   *
   * @throws EmulatorError `EMULATOR_FAULT` if the standby does not follow, or the network is cut
   */
  async switchover(): Promise<void> {
    const control = this.#control('switchover')
    if (this.#way.isCut) {
      throw new EmulatorError(
        'EMULATOR_FAULT',
        'There is no switchover while the network is cut: heal it first.',
      )
    }
    try {
      await control.switchover(() => this.#sessions.beginSwitchover())
    } finally {
      this.#way.slots.forget()
      this.#sessions.endSwitchover()
    }
  }

  /** Takes back what lasts. */
  async heal(): Promise<void> {
    this.#trap.disarm()
    this.#way.slots.release()
    await this.healNetwork()
  }

  #control(fault: string): ServerControl {
    if (this.#servers.control) return this.#servers.control
    throw new EmulatorError(
      'EMULATOR_FAULT',
      `${fault}() works on servers that the emulator has started, and these were running before.`,
    )
  }
}
