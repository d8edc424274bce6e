import { afterEach, describe, expect, it } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import { readOptions } from '../../src/options.ts'
import { certificate, tls } from '../endpoint/certificates.ts'

const file = (name: string) => new URL(`../endpoint/certificates/${name}`, import.meta.url).pathname
const refused = (message: string | RegExp) =>
  expect.objectContaining({ code: 'EMULATOR_OPTIONS', message: expect.stringMatching(message) })

describe('options about logging in', () => {
  it('are taken as they are', () => {
    const auth = { user: 'app', password: 'secret' }
    expect(readOptions({ auth, tls })).toMatchObject({ auth, tls })
  })

  const attached = { primaryUrl: 'postgres://a@b', standbyUrl: 'postgres://a@c' }
  it.each([
    [/^Option 'auth' has no user/, { auth: 'app:secret' }],
    [/^Option 'auth' has no user, or one with other signs/, { auth: { user: 'pg_app', password: 'secret' } }],
    [
      /^Option 'auth' has no user, or one with other signs; allowed: /,
      { auth: { user: 'a"b', password: 'secret' } },
    ],
    [/^Option 'auth' has no password; allowed: /, { auth: { user: 'app' } }],
    [/^Option 'auth' has no password/, { auth: { user: 'app', password: 'secret\nsecret' } }],
    [/^Option 'auth' has more than that/, { auth: { user: 'app', password: 'secret', role: 'x' } }],
    [/^Option 'tls' has no key; allowed: /, { tls: { cert: tls.cert } }],
    [/^Option 'tls' has no cert; allowed: /, { tls: { key: tls.key } }],
    [/^Option 'tls' is refused \(.*\); allowed: /, { tls: { key: 'no key', cert: tls.cert } }],
    [/^Option 'tls' is refused \(.*another key/, { tls: { key: tls.key, cert: certificate('ed25519') } }],
    [/^Option 'tls' has something else/, { tls: { ...tls, required: 'yes' } }],
    [
      /^Option 'auth' says which servers to start, 'primaryUrl' that they run already/,
      { auth: { user: 'a', password: 'secret' }, ...attached },
    ],
  ])('are refused by name, and no password is repeated: %s', (message, options) => {
    const read = () => readOptions(options as never)
    expect(read).toThrow(refused(message))
    expect(read).not.toThrow(/secret/)
  })
})

describe('flags about logging in', () => {
  afterEach(() => {
    delete process.env.FORWARDING_READER_PASSWORD
  })
  const options = (...line: string[]) => {
    const title = process.title
    try {
      const command = parseArguments(line)
      return command.run === 'start' ? command.options : undefined
    } finally {
      process.title = title
    }
  }

  it('name a user, whose password stands in the environment or behind a flag', () => {
    process.env.FORWARDING_READER_PASSWORD = 'from the environment'
    expect(options('--user', 'app')?.auth).toEqual({ user: 'app', password: 'from the environment' })
    expect(options('--user', 'app', '--password', 'typed')?.auth).toEqual({ user: 'app', password: 'typed' })
    expect(options('--password', 'typed')?.auth).toEqual({ user: 'postgres', password: 'typed' })
    expect(options()?.auth).toBeUndefined()
  })

  it('name files in PEM', () => {
    const read = options('--tls-key', file('server.key'), '--tls-cert', file('server.pem'), '--tls-required')
    expect(read?.tls).toEqual({ key: Buffer.from(tls.key), cert: Buffer.from(tls.cert), required: true })
  })

  it.each([
    [/^Option '--user' needs a password beside it: in .*FORWARDING_READER_PASSWORD/, ['--user', 'app']],
    [/^Option '--user' has no user/, ['--user', 'pg_app', '--password', 'secret']],
    [/^Option '--tls-key' needs '--tls-cert' beside it/, ['--tls-key', file('server.key')]],
    [/^Option '--tls-cert' needs '--tls-key' beside it/, ['--tls-cert', file('server.pem')]],
    [/^Option '--tls-required' needs '--tls-key' beside it/, ['--tls-required']],
    [
      /^Option '--tls-key' is 'nowhere', which cannot be read \(ENOENT\)/,
      ['--tls-key', 'nowhere', '--tls-cert', file('server.pem')],
    ],
    [
      /^Option '--tls-key' is refused \(/,
      ['--tls-key', file('server.key'), '--tls-cert', file('ed25519.pem')],
    ],
  ])('are refused by name: %s', (message, line) => {
    expect(() => options(...line)).toThrow(refused(message))
  })
})
