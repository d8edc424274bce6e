import { spawn } from 'node:child_process'
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmulatorError } from '../emulator-error.ts'
import { giveTo, serverEnvironment, type Account } from './account.ts'
import type { ServerName } from './data-folder.ts'

const startTimeoutMs = 30_000

/** One server process that accepts connections. */
export interface Server {
  readonly pid: number
  /** Settles when the process has ended: with how. */
  readonly exited: Promise<number | string>
}

/** What starting one server needs to know. */
export interface ServerOptions {
  readonly name: ServerName
  readonly postgres: string
  readonly data: string
  readonly account: Account | undefined
  /** Learns the process id before anything else happens. */
  readonly onSpawn: (pid: number) => void
}

/** Another program took the port between our choosing it and the server's start. */
export class PortTakenError extends Error {}

/**
 * Starts a server on a prepared data folder and waits until it accepts connections. It logs to `server.log` in that folder,
 * where `pg_read_file('server.log')` finds it too.
 *
 * @throws PortTakenError if another program has its port
 * @throws EmulatorError `EMULATOR_START` with the end of its log if it does not come up
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { name, postgres, data, account } = options
  const log = join(data, 'server.log')
  const output = await open(log, 'a')
  await giveTo(account, log)
  // Earlier runs have left their own lines.
  const { size } = await output.stat()
  const logged = async (): Promise<string> => {
    const file = await open(log)
    return readFrom(file, size).finally(() => file.close())
  }
  const child = spawn(postgres, ['-D', data], {
    ...account,
    env: serverEnvironment(),
    cwd: data,
    detached: true,
    // The server writes the file itself: no pipe that a busy event loop could leave full.
    stdio: ['ignore', output.fd, output.fd],
  })
  if (child.pid !== undefined) options.onSpawn(child.pid)
  const exited = new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  await output.close()

  const ended = exited.then((code) => ({ code }))
  for (const until = Date.now() + startTimeoutMs; Date.now() < until;) {
    const end = await Promise.race([ended, delay(5)])
    const text = await logged()
    if (end !== undefined) {
      if (/could not (bind|create any TCP)/.test(text)) throw new PortTakenError()
      throw startError(`The ${name} ended while it started (${end.code})`, text)
    }
    if (/database system is ready to accept/.test(text)) return { pid: child.pid!, exited }
  }
  child.kill('SIGQUIT')
  await exited
  throw startError(`The ${name} did not accept connections within ${startTimeoutMs / 1000} s`, await logged())
}

async function readFrom(file: FileHandle, start: number): Promise<string> {
  const { size } = await file.stat()
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
  return buffer.toString('utf8', 0, bytesRead)
}

/** The last lines of a server's log: what it said before it fell silent. */
export async function logTail(data: string): Promise<string> {
  return lastLines(await readFile(join(data, 'server.log'), 'utf8').catch(() => ''))
}

const startError = (what: string, log: string): EmulatorError =>
  new EmulatorError('EMULATOR_START', `${what}. Its log ends:\n${lastLines(log)}`)

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-12).join('\n')
