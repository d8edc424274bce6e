import { describe, expect, it } from 'vitest'
import { LoginRefused } from '../../src/auth/login-refused.ts'
import { ScramServer } from '../../src/auth/scram-server.ts'
import { plainMechanism, verifierOf } from '../../src/auth/scram.ts'
import { Login } from '../../src/backend/login.ts'
import {
  readSaslInitial,
  readSaslResponse,
  saslContinueMessage,
  saslFinalMessage,
  saslMessage,
} from '../../src/wire/authentication.ts'
import { framed } from '../../src/wire/build.ts'

const address = { host: '127.0.0.1', port: 5432 }
const asks = (code: number) => framed('R'.charCodeAt(0), Buffer.from([0, 0, 0, code]))
const cleartext = 3

const refusal = async (work: Promise<unknown>): Promise<LoginRefused> => {
  const outcome = await work.catch((error: unknown) => error)
  expect(outcome).toBeInstanceOf(LoginRefused)
  return outcome as LoginRefused
}

describe('a login on a server', () => {
  it.each([7, 9, 2])(
    'is given up where the server asks in a way that nobody here knows: %i',
    async (code) => {
      const login = new Login({ ...address, user: 'app', password: 'secret' }, 'app', undefined)
      expect(await refusal(login.answer(asks(code)))).toMatchObject({
        sqlstate: '28000',
        message: `the server asks user "app" to log in in a way that the reader does not know (${code})`,
      })
    },
  )

  it.each([
    ['no user and no password', {}],
    ['a user and no password', { user: 'app' }],
    ['a password and no user', { password: 'secret' }],
  ])('is given up where its URL has %s', async (_, known) => {
    const login = new Login({ ...address, ...known }, 'app', undefined)
    expect(await refusal(login.answer(asks(cleartext)))).toMatchObject({
      sqlstate: '28000',
      hint: 'Name a user and a password in the URL of the server.',
    })
  })

  it('is given up where the server cannot prove that it knows the password itself', async () => {
    const login = new Login({ ...address, user: 'app', password: 'secret' }, 'app', undefined)
    const server = new ScramServer(plainMechanism, {
      verifier: await verifierOf('secret'),
      binding: undefined,
    })
    const initial = readSaslInitial((await login.answer(saslMessage([plainMechanism])))!)
    const last = (await login.answer(saslContinueMessage(server.first(initial.data!))))!
    const proven = server.final(readSaslResponse(last))!
    expect(await login.answer(saslFinalMessage(proven))).toBeUndefined()
    const lie = saslFinalMessage(`v=${Buffer.alloc(32).toString('base64')}`)
    expect((await refusal(login.answer(lie))).sqlstate).toBe('08P01')
  })
})
