import type { ServerAddress } from '../servers.ts'
import { describeError } from '../wire/error-response.ts'

/** A session on a server ended, or could not begin. */
export class BackendLost extends Error {
  override readonly name = 'BackendLost'
  readonly role: 'standby' | 'primary'
  /** The server's own last ErrorResponse, if it sent one. */
  readonly lastWords: Buffer | undefined
  /** It broke off in the middle of a row of which the client already has a part. */
  readonly torn: boolean

  constructor(
    role: 'standby' | 'primary',
    address: ServerAddress,
    lastWords: Buffer | undefined,
    cause: Error | undefined,
    torn = false,
  ) {
    const server = role === 'primary' ? 'writer' : "reader's own server"
    const said = lastWords && describeError(lastWords)
    const why = said ? `: ${said.text} (${said.sqlstate})` : cause ? `: ${cause.message}` : ''
    super(`the session on the ${server} at ${address.host}:${address.port} was lost${why}`, { cause })
    this.role = role
    this.lastWords = lastWords
    this.torn = torn
  }
}
