import { EmulatorError } from '../emulator-error.ts'
import {
  configurePrimary,
  configureStandby,
  copyCluster,
  createPrimary,
  type Preparation,
} from './cluster.ts'
import type { ServerName } from './data-folder.ts'
import { freePorts } from './free-port.ts'
import { Member } from './member.ts'
import { PortTakenError } from './server.ts'

const portAttempts = 5
/** A server that dies more often than that is not started again. */
const deathsAllowed = 3
const deathsWithinMs = 60_000

/** Two servers of our own: which of them is the primary, and that both run. */
export class LocalPair {
  readonly preparation: Preparation
  readonly #report: (step: string) => void
  readonly #deaths = new Map<Member, number[]>()
  readonly #standbyListeners: (() => void | Promise<void>)[] = []
  #primary: Member
  #standby: Member
  #turn: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(folder: string, preparation: Preparation, report: (step: string) => void) {
    this.preparation = preparation
    this.#report = report
    const onDeath = (member: Member, code: number | string): void => void this.#recover(member, code)
    this.#primary = new Member(folder, 'primary', preparation, onDeath)
    this.#standby = new Member(folder, 'standby', preparation, onDeath)
  }

  get primary(): Member {
    return this.#primary
  }

  get standby(): Member {
    return this.#standby
  }

  /** Creates both data folders. */
  async prepare(): Promise<void> {
    await createPrimary(this.#primary.data, this.preparation)
    await copyCluster(this.#primary.data, this.#standby.data, this.preparation)
  }

  /** Another program may take a port between our choice and the server's start: then both move to others. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const [primaryPort, standbyPort] = (await freePorts(2)) as [number, number]
      this.#primary.port = primaryPort
      this.#standby.port = standbyPort
      await this.configure()
      try {
        for (const member of [this.#primary, this.#standby]) {
          this.#report(`Starting the ${member.role}`)
          await member.start()
        }
        return
      } catch (error) {
        if (!(error instanceof PortTakenError)) throw error
        if (attempt === portAttempts) {
          throw new EmulatorError(
            'EMULATOR_START',
            `No free port on 127.0.0.1 after ${portAttempts} attempts.`,
          )
        }
        await this.#primary.stop('SIGQUIT')
      }
    }
  }

  /** Writes each server's settings for the role it has. */
  async configure(): Promise<void> {
    const [primary, standby] = [this.#primary, this.#standby]
    await configurePrimary(primary.data, primary.port, this.preparation)
    await configureStandby(standby.data, standby.port, primary.port, this.preparation)
  }

  /** The two change places. */
  swap(): void {
    const [primary, standby] = [this.#standby, this.#primary]
    this.#primary = primary
    this.#standby = standby
    primary.role = 'primary'
    standby.role = 'standby'
  }

  /** Runs something when nothing else is being done to the servers. @throws EmulatorError once they are being stopped */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#stopping) throw new EmulatorError('EMULATOR_FAULT', 'The servers are being stopped.')
      return work()
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  onStandbyReady(listener: () => void | Promise<void>): void {
    this.#standbyListeners.push(listener)
  }

  /** A server has been started again. */
  async ready(role: ServerName): Promise<void> {
    if (role === 'standby') for (const listener of this.#standbyListeners) await listener()
  }

  async logTails(): Promise<string> {
    const [primary, standby] = await Promise.all([this.#primary.logTail(), this.#standby.logTail()])
    return `The primary's log ends:\n${primary}\nThe standby's log ends:\n${standby}`
  }

  /** Ends both servers once nothing is being done to them, and removes their data. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#turn.then(() => this.preparation.watchdog.finish()))
  }

  /** A server that somebody else has ended is started again; unless it does not stay up. */
  async #recover(member: Member, code: number | string): Promise<void> {
    if (this.#stopping) return
    const now = Date.now()
    const deaths = [...(this.#deaths.get(member) ?? []), now].filter((at) => now - at < deathsWithinMs)
    this.#deaths.set(member, deaths)
    const ended = `The ${member.role} has ended (${code})`
    const log = `Its log ends:\n${await member.logTail()}`
    if (deaths.length > deathsAllowed) {
      const often = `${deaths.length} times within ${deathsWithinMs / 1000} s, and is not started again`
      this.#report(`${ended}, ${often}. ${log}`)
      return
    }
    this.#report(`${ended} and is started again. ${log}`)
    try {
      await this.inTurn(async () => {
        if (member.running) return
        await member.startAgain()
        await this.ready(member.role)
      })
      this.#report(`The ${member.role} accepts connections again`)
    } catch (error) {
      this.#report(`The ${member.role} stays down: ${(error as Error).message}`)
    }
  }
}
