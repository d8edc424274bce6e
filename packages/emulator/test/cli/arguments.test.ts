import { describe, expect, it } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import { parseDuration } from '../../src/cli/duration.ts'
import { Progress } from '../../src/cli/progress.ts'

describe('parseArguments', () => {
  it('reads every option', () => {
    const line =
      '--latency 80ms --lag 1.5s -p 6432 --host ::1 --profile aws-global --consistency session --postgres 18 --pg-bin /opt/pg --json'
    expect(parseArguments(line.split(' '))).toEqual({
      run: 'start',
      json: true,
      color: true,
      options: {
        latencyMs: 80,
        lagMs: 1500,
        port: 6432,
        host: '::1',
        profile: 'aws-global',
        consistency: 'session',
        postgres: 18,
        pgBin: '/opt/pg',
      },
    })
  })

  it('reads what is for servers that run already, and takes the last of two choices', () => {
    const line =
      '--primary postgres://a@b/d --standby postgres://a@c/d --allow-reset --max-forwarding-percent 50 --assume merge=local --assume merge=refuse'
    expect(parseArguments(line.split(' '))).toMatchObject({
      run: 'start',
      options: {
        primaryUrl: 'postgres://a@b/d',
        standbyUrl: 'postgres://a@c/d',
        allowReset: true,
        maxForwardingConnectionsPercent: 50,
        assumptions: { merge: 'refuse' },
      },
    })
  })

  it.each([
    ['--delay 5', "There is no option '--delay'. Allowed: --port, "],
    ['-x', "There is no option '-x'. Allowed: --port, "],
    ['5432', "'5432' is not an option. Allowed: --port, "],
    ['--latency', "Option '--latency' needs a value that does not begin with '-'."],
    ['--json=yes', "Option '--json' takes no value."],
    [
      '--latency soon',
      "Option '--latency' is 'soon'; allowed: a time such as 80ms, 1.5s, or 80 (milliseconds).",
    ],
    ['--postgres 9', "Option '--postgres' is 9; allowed: 15, 16, 17, 18."],
    ['--standby postgres://a@b', "Option '--standby' needs '--primary' beside it."],
    ['-p -5', "Option '-p' needs a value that does not begin with '-'."],
    ['--latency 70s', "Option '--latency' is 70000; allowed: a number of milliseconds from 0 to 60000."],
    ['--port 54x', "Option '--port' is '54x'; allowed: a whole number"],
    ['--port=x', "Option '--port' is 'x'; allowed: a whole number from 0 to 65535 (0: the system chooses)."],
  ])('refuses "%s"', (line, message) => {
    expect(() => parseArguments(line.split(' '))).toThrow(
      expect.objectContaining({ code: 'EMULATOR_OPTIONS', message: expect.stringContaining(message) }),
    )
  })
})

describe('parseDuration', () => {
  it.each([
    ['80ms', 80],
    ['80', 80],
    ['1s', 1000],
    ['1.5 s', 1500],
    ['0', 0],
  ])('reads %s', (typed, ms) => expect(parseDuration('--latency', typed)).toBe(ms))

  it.each(['', 'ms', '1m', '-1', '1e3', '80 ms later'])('refuses "%s"', (typed) => {
    expect(() => parseDuration('--latency', typed)).toThrow(`Option '--latency' is '${typed}'`)
  })
})

describe('Progress', () => {
  const written = (isTTY: boolean): string => {
    let text = ''
    const progress = new Progress({ isTTY, write: (more) => (text += more) })
    progress.step('Starting')
    progress.step('Waiting')
    progress.done()
    progress.step('It has ended')
    return text
  }

  it('writes a line per step where nobody can see a line change', () => {
    expect(written(false)).toBe('Starting\nWaiting\nIt has ended\n')
  })

  it('changes one line on a terminal, and leaves what comes after the start', () => {
    const clear = '\r\u001b[2K'
    expect(written(true)).toBe(`${clear}Starting …${clear}Waiting …${clear}It has ended\n`)
  })
})
