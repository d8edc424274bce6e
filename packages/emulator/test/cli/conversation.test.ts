import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { complete, isQuit, runLine } from '../../src/cli/commands.ts'
import { statusText } from '../../src/cli/status-text.ts'
import { ownFile } from '../../src/own-package.ts'

type Process = ChildProcessByStdio<Writable, Readable, Readable>
const running: Process[] = []
afterEach(() => running.splice(0).forEach((each) => each.kill('SIGKILL')))

const command = [
  process.execPath,
  '--import',
  'tsx',
  '--conditions=@knex-flatten/source',
  ownFile('src', 'cli.ts'),
]

const run = (file: string, args: string[], env: NodeJS.ProcessEnv = {}): Process => {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  child.stdout.setEncoding('utf8')
  child.stderr.setEncoding('utf8')
  running.push(child)
  return child
}

describe('a script that drives forwarding-reader', () => {
  it('is answered in JSON, line by line and in order', async () => {
    const cli = run(command[0]!, [...command.slice(1), '--json'])
    const commands = [
      'lag 20ms',
      '',
      'latency 1.5 s',
      'fault exhaust-slots',
      'fault nothing',
      'reset',
      'lag',
      'refusals',
      'quit',
    ]
    // Typed ahead, as a pipe does.
    cli.stdin.end(`${commands.join('\n')}\n`)
    const lines: any[] = []
    for await (const line of createInterface({ input: cli.stdout })) lines.push(JSON.parse(line))
    expect(lines).toMatchObject([
      {
        readerUrl: expect.stringMatching(/^postgres:/),
        primaryUrl: expect.any(String),
        standbyUrl: expect.any(String),
      },
      { command: 'lag 20ms', answer: 'the standby shows a commit after 20 ms', status: { lagMs: 20 } },
      { command: 'latency 1.5 s', status: { latencyMs: 1500 } },
      { command: 'fault exhaust-slots', status: { faults: ['exhaust-slots'] } },
      {
        command: 'fault nothing',
        error: { code: 'EMULATOR_OPTIONS', message: expect.stringContaining('crash-writer') },
      },
      { command: 'reset', status: { lagMs: 0, latencyMs: 0, faults: [], crossings: 0 } },
      { command: 'lag', error: { message: "Command 'lag' is used as: lag <time> | pause | resume." } },
      { command: 'refusals', answer: 'nothing was refused' },
    ])
    if (cli.exitCode === null) await once(cli, 'close')
    expect(cli.exitCode).toBe(0)
  })

  it('does not end the reader when it ends itself', async () => {
    const cli = run(command[0]!, command.slice(1))
    cli.stdin.end('status\n')
    let text = ''
    for await (const chunk of cli.stdout) {
      text += String(chunk)
      if (text.includes('latency')) break
    }
    expect(text).toMatch(/\n0 sessions, 0 crossings, 0 refusals, lag 0 ms, latency 0 ms\n$/)
    expect(cli.exitCode).toBeNull()
    cli.kill('SIGTERM')
    expect(await once(cli, 'exit')).toEqual([0, null])
  })
})

describe('forwarding-reader on a terminal', () => {
  // util-linux's `script` gives a program a terminal.
  const possible = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
  if (!possible)
    console.warn('NOT TESTED: forwarding-reader on a terminal, because there is no script of util-linux')

  it.skipIf(!possible).each([
    ['Ctrl-D', '\u0004', {}, '\u001b[2m'],
    ['Ctrl-C', '\u0003', { NO_COLOR: '1' }, '0 sessions, 0'],
  ])('shows how things are in its prompt, and ends well on %s', async (_, key, env, first) => {
    const typed = command.map((word) => `'${word}'`).join(' ')
    const terminal = run('script', ['-qefc', `stty cols 100; exec ${typed}`, '/dev/null'], {
      TERM: 'xterm',
      ...env,
    })
    let screen = ''
    let looked = 0
    const shows = async (text: string): Promise<string> => {
      while (!screen.includes(text, looked)) screen += String((await once(terminal.stdout, 'data'))[0])
      const seen = screen.slice(looked, (looked = screen.indexOf(text, looked) + text.length))
      return seen
    }
    expect(await shows(' > ')).toContain(first)
    for (const letter of 'lag pau') terminal.stdin.write(letter)
    await shows('lag pau')
    terminal.stdin.write('\t')
    await shows('se')
    terminal.stdin.write('\r')
    await shows('the standby is paused')
    await shows('lag paused, latency 0 ms')
    terminal.stdin.write('nonsense\r')
    await shows(`There is no command 'nonsense'. Allowed: lag,`)
    await shows(' > ')
    terminal.stdin.write(key)
    await shows('Stopping')
    expect((await once(terminal, 'exit'))[0]).toBe(0)
  })
})

describe('statusText', () => {
  const status = {
    sessions: 1,
    crossings: 0,
    refusals: 2,
    lagMs: 0,
    lagPaused: false,
    latencyMs: 80,
    faults: ['cut-network'],
  } as const

  it.each([
    [100, '1 session, 0 crossings, 2 refusals, lag 0 ms, latency 80 ms, cut-network'],
    [60, '1 session, 2 refusals, latency 80 ms, cut-network'],
    [20, ''],
  ])('fits into %i columns', (width, text) => expect(statusText(status, width)).toBe(text))
})

describe('commands', () => {
  it.each(['quit', ' exit '])('knows that "%s" ends the reader', (line) => expect(isQuit(line)).toBe(true))

  it('shows in its help what each does in one column', async () => {
    const help = await runLine({} as never, 'help')
    const lines = help!.split('\n')
    expect(lines).toContain('quit                           stops everything')
    expect(lines).toContain('                               the next commit that crosses gets no answer')
    for (const line of lines) expect(line).toMatch(/^(.{29}[^ ]? {1,2}\S|fault lose-next-commit-answer )/)
  })
})

describe('complete', () => {
  it.each([
    ['la', ['lag ', 'latency ']],
    ['lag p', ['pause ']],
    ['fault cr', ['crash-writer ']],
    ['fault lose-next-commit-answer n', ['not-applied ']],
    ['fault lose-next-commit-answer applied c', ['client ']],
    ['fault lose-next-commit-answer applied client x', []],
    ['constructor x', []],
    ['nonsense x', []],
  ])('knows what "%s" may become', (line, words) => expect(complete(line)[0]).toEqual(words))
})
