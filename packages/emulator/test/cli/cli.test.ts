import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { Client } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { ownFile } from '../../src/own-package.ts'

type Cli = ChildProcessByStdio<null, Readable, Readable>
const running: Cli[] = []
afterEach(() => running.splice(0).forEach((cli) => cli.kill('SIGKILL')))

const start = (...args: string[]): Cli => {
  const fromSource = ['--import', 'tsx', '--conditions=@knex-flatten/source', ownFile('src', 'cli.ts')]
  const cli = spawn(process.execPath, [...fromSource, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(cli)
  cli.stdout.setEncoding('utf8')
  cli.stderr.setEncoding('utf8')
  return cli
}

const ended = async (cli: Cli): Promise<{ code: number; stdout: string; stderr: string }> => {
  let stdout = ''
  let stderr = ''
  cli.stdout.on('data', (text: string) => (stdout += text))
  cli.stderr.on('data', (text: string) => (stderr += text))
  const [code] = await once(cli, 'close')
  return { code, stdout, stderr }
}

const first = async (url: string, sql: string): Promise<any> => {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<any>(sql)).rows[0]
  } finally {
    await client.end()
  }
}

describe('forwarding-reader', () => {
  it('shows its options and ends well', async () => {
    const { code, stdout, stderr } = await ended(start('--help'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const flag of [
      'port',
      'host',
      'latency',
      'profile',
      'consistency',
      'pg-bin',
      'json',
      'help',
      'version',
    ]) {
      expect(stdout).toContain(`--${flag}`)
    }
  })

  it('lists what is assumed for programs, with what was chosen', async () => {
    const { code, stdout } = await ended(start('--assumptions', '--json', '--assume', 'merge=refuse'))
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 'merge', default: 'forward', value: 'refuse' }),
        expect.objectContaining({ id: 'on-conflict', default: 'forward', value: 'forward' }),
      ]),
    )
  })

  it('says its version', async () => {
    expect(await ended(start('--version'))).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    })
  })

  it.each([
    [['--delay', '5s'], "There is no option '--delay'. Allowed: --port, "],
    [['--port', 'http'], "Option '--port' is 'http'; allowed: a whole number"],
    [['--profile', 'azure'], "Option '--profile' is 'azure'; allowed: 'aws-local' or 'aws-global'"],
  ])('exits with 2 for %j and names what is wrong', async (args, message) => {
    const { code, stdout, stderr } = await ended(start(...args))
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^forwarding-reader: /)
    expect(stderr).toContain(message)
    expect(stderr).toContain('See forwarding-reader --help.')
  })

  it('exits with 1 before it starts anything when its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    expect(await ended(start('--port', String(port)))).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `forwarding-reader: The reader cannot listen on 127.0.0.1:${port}: another program listens there. ` +
        `Choose another port, or 0 for one that is free.\n`,
    })
    holder.close()
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'prints three URLs that work, and on %s leaves nothing and exits with 0',
    async (signal) => {
      const cli = start('--latency', '5ms')
      const end = ended(cli)
      const [text] = (await once(cli.stdout, 'data')) as [string]
      const lines = /^reader {3}(\S+)\nprimary {2}(\S+)\nstandby {2}(\S+)\n$/.exec(text)
      const [, reader, primary, standby] = lines as unknown as [string, string, string, string]
      expect(await first(primary, 'SELECT pg_is_in_recovery() AS standby')).toEqual({ standby: false })
      expect(await first(standby, 'SELECT pg_is_in_recovery() AS standby')).toEqual({ standby: true })
      expect(await first(reader, 'SELECT pg_is_in_recovery() AS standby')).toEqual({ standby: true })
      const { data_directory: data } = await first(primary, 'SHOW data_directory')
      cli.kill(signal)
      const { code, stderr } = await end
      expect(code).toBe(0)
      expect(stderr).toMatch(
        /^Creating .*\nStarting the primary\nStarting the standby\nWaiting .*\nReady in [\d.]+ s\./,
      )
      expect(existsSync(dirname(data))).toBe(false)
    },
  )

  it('stops whole when it is asked to while it starts, and again while it stops', async () => {
    const cli = start()
    const end = ended(cli)
    await once(cli.stderr, 'data')
    cli.kill('SIGINT')
    cli.stderr.on('data', (text: string) => {
      if (text.includes('Stopping')) cli.kill('SIGINT')
    })
    expect(await end).toMatchObject({ code: 0, stderr: expect.stringMatching(/Stopping\n$/) })
  })

  it('prints JSON for programs', async () => {
    const cli = start('--json')
    const end = ended(cli)
    const [text] = (await once(cli.stdout, 'data')) as [string]
    const url = expect.stringMatching(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres$/)
    expect(JSON.parse(text)).toEqual({ readerUrl: url, primaryUrl: url, standbyUrl: url })
    cli.kill('SIGTERM')
    await end
  })
})
