import { describe, expect, it } from 'vitest'
import { readOptions } from '../../src/options.ts'

describe('readOptions', () => {
  it('fills in the defaults', () => {
    expect(readOptions({ port: undefined })).toMatchObject({
      host: '127.0.0.1',
      port: 0,
      profile: 'aws-local',
      consistency: 'session',
      latencyMs: 0,
      lagMs: 0,
      maxForwardingConnectionsPercent: 25,
    })
  })

  it('accepts 0 where it means none, or any', () => {
    const none = { port: 0, latencyMs: 0, lagMs: 0 }
    expect(readOptions(none)).toMatchObject(none)
  })

  it('accepts a profile of your own', () => {
    const profile = { name: 'mine', extends: 'aws-global' } as const
    expect(readOptions({ profile }).profile).toBe(profile)
  })

  it.each([
    [{ latency: 80 }, /^There is no option 'latency'\. Allowed: pgBin, .*\blatencyMs\b.*\.$/],
    [
      { port: 70_000 },
      `Option 'port' is 70000; allowed: a whole number from 0 to 65535 (0: the system chooses).`,
    ],
    [{ port: 65_536 }, /^Option 'port' is 65536; allowed: a whole number from 0 to 65535/],
    [
      { maxForwardingConnectionsPercent: 0 },
      `Option 'maxForwardingConnectionsPercent' is 0; allowed: a whole number from 1 to 100.`,
    ],
    [{ port: -1 }, `Option 'port' is -1; allowed: a whole number from 0 to 65535 (0: the system chooses).`],
    [
      { port: 54.5 },
      `Option 'port' is 54.5; allowed: a whole number from 0 to 65535 (0: the system chooses).`,
    ],
    [
      { port: '5432' },
      `Option 'port' is '5432'; allowed: a whole number from 0 to 65535 (0: the system chooses).`,
    ],
    [{ lagMs: 0.5 }, `Option 'lagMs' is 0.5; allowed: a whole number of milliseconds from 0 to 60000.`],
    [{ host: '' }, `Option 'host' is ''; allowed: a host name or an address of this machine.`],
    [{ host: null }, `Option 'host' is null; allowed: a host name or an address of this machine.`],
    [
      { latencyMs: Number.NaN },
      `Option 'latencyMs' is NaN; allowed: a number of milliseconds from 0 to 60000.`,
    ],
    [{ latencyMs: -5 }, `Option 'latencyMs' is -5; allowed: a number of milliseconds from 0 to 60000.`],
    [
      { consistency: 'strong' },
      `Option 'consistency' is 'strong'; allowed: 'session', 'eventual', 'global', 'off'.`,
    ],
    [
      { profile: 'azure' },
      `Option 'profile' is 'azure'; allowed: 'aws-local' or 'aws-global', or a profile of your own.`,
    ],
    [{ profile: { name: 'mine' } }, /^Option 'profile' is refused: .*extends/],
    [{ postgres: 14 }, `Option 'postgres' is 14; allowed: 15, 16, 17, 18.`],
    [
      { primaryUrl: 'http://db' },
      "Option 'primaryUrl' is no postgres:// URL; allowed: a URL such as postgres://user:password@host:5432/database?sslmode=require.",
    ],
    [{ primaryUrl: 'postgres://a@b' }, `Option 'primaryUrl' needs 'standbyUrl' beside it.`],
    [{ standbyUrl: 'postgres://a@b' }, `Option 'standbyUrl' needs 'primaryUrl' beside it.`],
    [
      { primaryUrl: 'postgres://a@b', standbyUrl: 'postgres://a@c', postgres: 16 },
      `Option 'postgres' says which servers to start, 'primaryUrl' that they run already: leave one of the two out.`,
    ],
    [
      { primaryUrl: 'postgres://a@b', standbyUrl: 'postgres://a@c', pgBin: '/opt/pg' },
      /^Option 'pgBin' says which servers to start/,
    ],
    [{ allowReset: 'yes' }, `Option 'allowReset' is 'yes'; allowed: true or false.`],
    [{ allowReset: true }, `Option 'allowReset' is for servers that run already, with 'primaryUrl'.`],
    [{ pgBin: 15 }, `Option 'pgBin' is 15; allowed: the path of a folder with initdb and postgres.`],
    [{ onProgress: 'yes' }, `Option 'onProgress' is 'yes'; allowed: a function.`],
  ])('refuses %j with what is allowed', (options, message) => {
    expect(() => readOptions(options as object)).toThrow(
      expect.objectContaining({
        code: 'EMULATOR_OPTIONS',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }),
    )
  })
})
