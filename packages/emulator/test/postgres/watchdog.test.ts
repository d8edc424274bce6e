import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { ownFile } from '../../src/own-package.ts'
import { runProgram } from '../../src/postgres/run-program.ts'
import { startServers } from '../../src/postgres/start-servers.ts'

const sourceOf = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

/** Starts servers in a process of its own, which says where they are and then waits for ever, or does `last`. */
const code = (last: string): string => `
  import { startServers } from ${JSON.stringify(sourceOf('postgres/start-servers.ts'))}
  const servers = await startServers({ onProgress: (step) => console.log(JSON.stringify({ step })) })
  console.log(JSON.stringify({ folder: servers.folder, ports: [servers.primary.port, servers.standby.port] }))
  ${last}
`

const parents: ChildProcess[] = []
afterEach(() => parents.splice(0).forEach((parent) => parent.kill('SIGKILL')))

const startParent = (last = 'setInterval(() => undefined, 1000)', env = {}) => {
  const args = [
    '--import',
    'tsx',
    '--conditions=@knex-flatten/source',
    '--input-type=module',
    '-e',
    code(last),
  ]
  const parent = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  parents.push(parent)
  return { parent, lines: createInterface({ input: parent.stdout }) }
}

const processesNaming = async (text: string): Promise<string[]> => {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid,args'])
  return stdout.split('\n').filter((line) => line.includes(text))
}

const connected = async (target: string | number): Promise<Socket> => {
  const socket = typeof target === 'string' ? connect(target) : connect(target, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  await once(socket, 'connect')
  return socket
}

/** A server that was just asked in may not hear that it is to shut down, and would wait for what its client has to say. */
const greeted = async (port: number): Promise<Socket> => {
  const socket = await connected(port)
  socket.write(sslRequest)
  await once(socket, 'data')
  return socket
}
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** However it ends: a killed process may reset it. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.on('close', () => resolve()))

const refused = (port: number): Promise<unknown> =>
  once(connect(port, '127.0.0.1'), 'error').then(([error]) => error)

/** Its process id; NaN while there is none. */
const watchdogOf = async (folder: string): Promise<number> =>
  Number.parseInt((await processesNaming(folder)).find((line) => line.includes('watchdog.js')) ?? '')

/** Those that run in a folder, whatever they call themselves. */
const livingIn = async (folder: string): Promise<string[]> => {
  if (process.platform !== 'linux') return processesNaming(folder)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return folders.filter((each) => each.startsWith(folder))
}

interface Started {
  readonly folder: string
  readonly ports: readonly [primary: number, standby: number]
}

/** Ends the parent as told, then waits for the watchdog's socket to close: it closes when the watchdog is done. */
const afterTheEnd = async (
  end: (parent: ChildProcess) => unknown,
  last?: string,
  before?: (started: Started) => Promise<void>,
): Promise<void> => {
  const { parent, lines } = startParent(last)
  for await (const line of lines) {
    const said = JSON.parse(line)
    if (said.folder === undefined) continue
    const { folder, ports } = said as Started
    await before?.(said)
    expect(await livingIn(folder)).not.toEqual([])
    const sockets = await Promise.all([connected(join(folder, 'alive')), ...ports.map(greeted)])
    const allClosed = Promise.all(sockets.map(closed))
    end(parent)
    await allClosed
    for (const port of ports) expect(await refused(port)).toMatchObject({ code: 'ECONNREFUSED' })
    expect(existsSync(folder)).toBe(false)
    await expect.poll(() => livingIn(folder), { timeout: 10_000 }).toEqual([])
    return
  }
  expect.fail('the parent ended before it had started its servers')
}

/** What a parent is in the midst of when a signal ends it, from its own hand; and which. */
const midst = {
  'the writer is stopped to be killed': [
    'SIGKILL',
    `process.kill = (pid, name) => kill(pid, name) && name === 'SIGSTOP' && end()
     await servers.control.crash('primary')`,
  ],
  'the writer has been killed': [
    'SIGTERM',
    `process.kill = (pid, name) => (name === 0 ? end() : kill(pid, name))
     await servers.control.crash('primary')`,
  ],
  'the standby starts again': [
    'SIGINT',
    `const { spawn } = childProcess
     childProcess.spawn = (...all) => (setImmediate(end), spawn(...all))
     syncBuiltinESMExports()
     await servers.control.restart('standby')`,
  ],
  'the servers change places': ['SIGKILL', 'await servers.control.switchover(end)'],
  'the network is cut': ['SIGTERM', 'await new StandbyFeed().cut(servers); end()'],
} as const

describe('Watchdog', () => {
  it('ends both servers and removes their folder when the parent is killed', () =>
    afterTheEnd((parent) => parent.kill('SIGKILL')))

  it.each(Object.entries(midst))('does so too when the parent dies while %s', async (_, [signal, act]) => {
    const onSignal = `
      import childProcess from 'node:child_process'
      import { syncBuiltinESMExports } from 'node:module'
      import { StandbyFeed } from ${JSON.stringify(sourceOf('faults/standby-feed.ts'))}
      const kill = process.kill.bind(process)
      const end = () => kill(process.pid, '${signal}')
      process.on('SIGUSR2', async () => { ${act} })
      setInterval(() => undefined, 1000)`
    let [heard, ended] = ['', Promise.resolve()]
    const listen = async ({ ports: [port] }: Started): Promise<void> => {
      const client = new Client({ host: '127.0.0.1', port, user: 'postgres' })
      client.on('error', () => undefined).on('notice', ({ message }) => (heard += message ?? ''))
      ended = new Promise((resolve) => client.on('end', resolve))
      await client.connect()
    }
    await afterTheEnd((parent) => parent.kill('SIGUSR2'), onSignal, listen)
    await ended
    // Nobody waits for a server that is stopped until it has to be killed.
    if (act.includes('SIGSTOP')) expect(heard).toContain('immediate shutdown')
  })

  it('has a successor when it was killed, which does so too', () =>
    afterTheEnd(
      (parent) => parent.kill('SIGKILL'),
      undefined,
      async ({ folder }) => {
        const first = await watchdogOf(folder)
        process.kill(first, 'SIGKILL')
        // Until it is gone altogether it may still take sockets in, and answer in the place of its successor.
        const hasSuccessor = async () => ![first, NaN].includes(await watchdogOf(folder))
        await expect.poll(hasSuccessor).toBe(true)
        const answers = () => connected(join(folder, 'alive')).then((socket) => socket.destroy().destroyed)
        await expect.poll(() => answers().catch(() => false)).toBe(true)
      },
    ))

  it('does so too when the parent exits without stopping them', () =>
    afterTheEnd(() => undefined, 'setTimeout(() => process.exit(3), 300)'))

  it.each(['Creating', 'Starting the standby'])(
    'leaves nothing when the parent is killed at the step "%s"',
    async (step) => {
      const temporary = await mkdtemp(join(tmpdir(), 'watchdog-test-'))
      await chmod(temporary, 0o755)
      const { parent, lines } = startParent(undefined, { TMPDIR: temporary })
      for await (const line of lines) if (JSON.parse(line).step?.startsWith(step)) break
      const folders = async () =>
        (await readdir(temporary)).filter((name) => name.startsWith('forwarding-reader-'))
      expect(await folders()).toHaveLength(1)
      parent.kill('SIGKILL')
      await expect.poll(folders).toEqual([])
      await expect.poll(() => processesNaming(temporary)).toEqual([])
      await rm(temporary, { recursive: true })
    },
  )

  it('is started again to clean up when it was killed itself', async () => {
    const servers = await startServers()
    const life = await connected(join(servers.folder, 'alive'))
    const gone = closed(life)
    process.kill(await watchdogOf(servers.folder), 'SIGKILL')
    await gone
    await servers.stop()
    expect(existsSync(servers.folder)).toBe(false)
    expect(await processesNaming(servers.folder)).toEqual([])
  })

  it('says so when somebody starts it by hand', async () => {
    const { code, output } = await runProgram(process.execPath, [ownFile('bin', 'watchdog.js'), tmpdir()])
    expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining('by the emulator itself') })
  })
})
