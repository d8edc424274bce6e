import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { EmulatorError } from '../emulator-error.ts'
import { ownFile } from '../own-package.ts'

/**
 * A small process at the other end of a pipe that outlives this one by a moment: however this one ends, it ends the servers
 * and removes their folder. A proper stop takes the same way, by closing the pipe.
 */
export class Watchdog {
  readonly #folder: string
  readonly #pids = new Set<number>()
  #process: WatchdogProcess
  #finishing = false
  #successors = 0

  constructor(folder: string) {
    this.#folder = folder
    this.#process = this.#startProcess()
  }

  /** From now on the process ends when we do. */
  watch(pid: number): void {
    this.#pids.add(pid)
    this.#process.pipe.write(`+${pid}\n`)
  }

  /** The process has ended; its number may be another's soon. */
  unwatch(pid: number): void {
    this.#pids.delete(pid)
    this.#process.pipe.write(`-${pid}\n`)
  }

  /**
   * Ends all servers and removes the folder.
   *
   * @throws EmulatorError `EMULATOR_STOP` if something is left
   */
  async finish(): Promise<void> {
    this.#finishing = true
    // Where it was killed, a second one does its work.
    const code = (await end(this.#process)) ?? (await end(startProcess(this.#folder, this.#pids)))
    if (code === 0) return
    throw new EmulatorError(
      'EMULATOR_STOP',
      `The servers' data folder ${this.#folder} could not be removed: end what still uses it, then remove it by hand.`,
    )
  }

  /** One that was killed has a successor; where each of them is killed, the last one's work is left to `finish`. */
  #startProcess(): WatchdogProcess {
    const started = startProcess(this.#folder, this.#pids)
    void started.exited.then(() => {
      if (this.#finishing || this.#successors === mostSuccessors) return
      this.#successors++
      this.#process = this.#startProcess()
    })
    return started
  }
}

const mostSuccessors = 5

interface WatchdogProcess {
  readonly pipe: Writable
  /** The exit code; null if it did not start, or was killed. */
  readonly exited: Promise<number | null>
}

function startProcess(folder: string, pids: Iterable<number>): WatchdogProcess {
  const child = spawn(process.execPath, [ownFile('bin', 'watchdog.js'), folder], {
    // Our own loaders and inspector are not for it.
    env: { ...process.env, NODE_OPTIONS: '' },
    // Out of the reach of the terminal's Ctrl-C and of signals to our process group.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const exited = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
  })
  // What it does not hear because it is gone, its successor is told.
  child.stdin.on('error', () => undefined)
  for (const pid of pids) child.stdin.write(`+${pid}\n`)
  return { pipe: child.stdin, exited }
}

function end({ pipe, exited }: WatchdogProcess): Promise<number | null> {
  pipe.end()
  return exited
}
