import { createHash } from 'node:crypto'
import { LoginRefused } from '../auth/login-refused.ts'
import { ScramClient } from '../auth/scram-client.ts'
import type { ServerAddress } from '../servers.ts'
import {
  authentication,
  mechanismsIn,
  passwordMessage,
  readAuthentication,
  saslInitialMessage,
  saslResponseMessage,
} from '../wire/authentication.ts'
import type { Encryption } from './connect-server.ts'

/** Answers a server that wants to know who asks for a session. */
export class Login {
  #address: ServerAddress
  #user: string
  #encryption: Encryption | undefined
  #scram: ScramClient | undefined

  /** @param user in whose name the session is asked for. */
  constructor(address: ServerAddress, user: string, encryption: Encryption | undefined) {
    this.#address = address
    this.#user = user
    this.#encryption = encryption
  }

  /**
   * @param message an Authentication message.
   * @returns what to send; nothing where the server only says something.
   * @throws LoginRefused where there is no answer, or the server itself is not to be believed.
   */
  async answer(message: Buffer): Promise<Buffer | undefined> {
    const { asks, data } = readAuthentication(message)
    switch (asks) {
      case authentication.ok:
        return undefined
      case authentication.cleartext:
        return passwordMessage(this.#password)
      case authentication.md5:
        return passwordMessage(`md5${md5(md5(this.#password + this.#user), data.subarray(0, 4))}`)
      case authentication.sasl: {
        const binding = this.#encryption?.binding
        this.#scram = new ScramClient(mechanismsIn(data), this.#password, {
          encrypted: this.#encryption !== undefined,
          binding,
        })
        return saslInitialMessage(this.#scram.mechanism, this.#scram.first)
      }
      case authentication.saslContinue:
        return saslResponseMessage((await this.#scram?.prove(data.toString('utf8'))) ?? '')
      case authentication.saslFinal:
        this.#scram?.check(data.toString('utf8'))
        return undefined
      default:
        throw new LoginRefused(
          '28000',
          `the server asks user "${this.#user}" to log in in a way that the reader does not know (${asks})`,
          undefined,
          'The reader knows passwords: scram-sha-256, md5 and password in pg_hba.conf, and trust.',
        )
    }
  }

  get #password(): string {
    const { user, password } = this.#address
    if (password !== undefined && user === this.#user) return password
    throw new LoginRefused(
      '28000',
      `the server asks for the password of user "${this.#user}", which the reader does not know`,
      undefined,
      user === undefined || password === undefined
        ? 'Name a user and a password in the URL of the server.'
        : `Connect as "${user}", whose password it knows.`,
    )
  }
}

const md5 = (text: string, salt: Buffer = Buffer.alloc(0)) =>
  createHash('md5').update(text).update(salt).digest('hex')
