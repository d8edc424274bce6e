import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { EmulatorError } from '../emulator-error.ts'
import { ownFile } from './own-package.ts'

/**
 * A small process at the other end of a pipe that outlives this one by a moment: however this one ends, it ends the servers
 * and removes their folder. A proper stop takes the same way, by closing the pipe.
 */
export class Watchdog {
  readonly #folder: string
  readonly #pids = new Set<number>()
  #child: ChildProcessByStdio<Writable, null, null>

  constructor(folder: string) {
    this.#folder = folder
    this.#child = this.#spawn()
  }

  /** From now on the process ends when we do. */
  watch(pid: number): void {
    this.#pids.add(pid)
    this.#child.stdin.write(`+${pid}\n`)
  }

  /** The process has ended; its number may be another's soon. */
  unwatch(pid: number): void {
    this.#pids.delete(pid)
    this.#child.stdin.write(`-${pid}\n`)
  }

  /**
   * Ends all servers and removes the folder.
   *
   * @throws EmulatorError `EMULATOR_STOP` if something is left
   */
  async finish(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) this.#child = this.#spawn()
    this.#child.stdin.end()
    const [code] = (await once(this.#child, 'exit')) as [number | null]
    if (code === 0) return
    throw new EmulatorError(
      'EMULATOR_STOP',
      `The servers' data folder ${this.#folder} could not be removed: end what still uses it, then remove it by hand.`,
    )
  }

  #spawn(): ChildProcessByStdio<Writable, null, null> {
    const child = spawn(process.execPath, [ownFile('bin', 'watchdog.js'), this.#folder], {
      // Our own loaders and inspector are not for it.
      env: { ...process.env, NODE_OPTIONS: '' },
      // Out of the reach of the terminal's Ctrl-C and of signals to our process group.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    // Where it cannot be started, or is killed, finish() tries again and says so.
    child.on('error', () => undefined)
    child.stdin.on('error', () => undefined)
    for (const pid of this.#pids) child.stdin.write(`+${pid}\n`)
    return child
  }
}
