import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmulatorError } from '../emulator-error.ts'
import type { ServerAddress } from '../servers.ts'
import type { Preparation } from './cluster.ts'
import type { ServerName } from './data-folder.ts'
import { killTree } from './processes.ts'
import { logTail, PortTakenError, startServer, type Server } from './server.ts'

/** A socket that clings to the port of a server that is away goes soon: nobody listens at its other end. */
const portWaitMs = 10_000

/** One server of the pair, over all its starts. It keeps its data folder, and the port it first had. */
export class Member {
  readonly data: string
  /** What it is now; its data folder keeps the name of what it began as. */
  role: ServerName
  port = 0
  readonly #preparation: Preparation
  readonly #onDeath: (member: Member, code: number | string) => void
  #server: Server | undefined

  constructor(
    folder: string,
    role: ServerName,
    preparation: Preparation,
    onDeath: (member: Member, code: number | string) => void,
  ) {
    this.data = join(folder, role)
    this.role = role
    this.#preparation = preparation
    this.#onDeath = onDeath
  }

  get address(): ServerAddress {
    return { host: '127.0.0.1', port: this.port, ...this.#preparation.auth }
  }

  get running(): boolean {
    return this.#server !== undefined
  }

  /** @throws PortTakenError, EmulatorError `EMULATOR_START` */
  async start(): Promise<void> {
    const { watchdog, account, binaries } = this.#preparation
    let pid: number | undefined
    const onSpawn = (spawned: number): void => watchdog.watch((pid = spawned))
    let server: Server
    try {
      server = await startServer({
        name: this.role,
        postgres: binaries.postgres,
        data: this.data,
        account,
        onSpawn,
      })
    } catch (error) {
      if (pid !== undefined) watchdog.unwatch(pid)
      throw error
    }
    this.#server = server
    void server.exited.then((code) => {
      watchdog.unwatch(server.pid)
      if (this.#server !== server) return
      this.#server = undefined
      this.#onDeath(this, code)
    })
  }

  /** On the port it had, for which it waits a while if another program has taken it meanwhile. */
  async startAgain(): Promise<void> {
    for (const until = Date.now() + portWaitMs; ;) {
      try {
        await this.start()
        return
      } catch (error) {
        if (!(error instanceof PortTakenError)) throw error
        if (Date.now() < until) {
          await delay(50)
          continue
        }
        const what = `The ${this.role} could not start again: another program holds its port ${this.port}.`
        throw new EmulatorError('EMULATOR_START', what, { cause: error })
      }
    }
  }

  /** `SIGINT` is PostgreSQL's fast shutdown, `SIGQUIT` its immediate one. */
  async stop(how: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const server = this.#letGo()
    if (!server) return
    process.kill(server.pid, how)
    await server.exited
  }

  /** As when its machine loses power: nothing is written down, nobody is told. */
  async crash(): Promise<void> {
    const server = this.#letGo()
    if (!server) return
    await killTree(server.pid)
    await server.exited
    // It names a process that is gone, whose number may be another's when the server starts again.
    await rm(join(this.data, 'postmaster.pid'), { force: true })
  }

  logTail(): Promise<string> {
    return logTail(this.data)
  }

  /** From here on its end is expected. */
  #letGo(): Server | undefined {
    const server = this.#server
    this.#server = undefined
    return server
  }
}
