import type { SecureContext } from 'node:tls'
import type { Authority } from '../auth/authority.ts'
import { LoginRefused } from '../auth/login-refused.ts'
import { ScramServer } from '../auth/scram-server.ts'
import { boundMechanism, plainMechanism } from '../auth/scram.ts'
import {
  readSaslInitial,
  readSaslResponse,
  saslContinueMessage,
  saslFinalMessage,
  saslMessage,
} from '../wire/authentication.ts'
import { ProtocolViolation } from '../wire/frontend-framer.ts'
import { frontend } from '../wire/message-types.ts'
import type { Opening, Taken } from './opening.ts'

/** Whom an endpoint lets in. */
export interface Admission {
  /** With it, encrypted connections are possible. */
  readonly secureContext: SecureContext | undefined
  /** Others are not let in. */
  readonly encryptedOnly: boolean
  /** Without it, everybody is let in. */
  readonly authority: Authority | undefined
}

// PG_MAX_SASL_MESSAGE_LENGTH of auth-sasl.c.
const longestSasl = 1024

/**
 * Lets a client in, or does not.
 *
 * @throws LoginRefused with PostgreSQL's own words, ClientGone.
 */
export async function admit(
  opening: Opening,
  { authority, encryptedOnly }: Admission,
  parameters: ReadonlyMap<string, string>,
): Promise<void> {
  const user = parameters.get('user') ?? ''
  if (encryptedOnly && !opening.encrypted) throw noEntry(opening, user, parameters.get('database') ?? user)
  if (!authority) return
  if (user === '') throw new LoginRefused('28000', 'no PostgreSQL user name specified in startup packet')
  const { binding } = opening
  const mechanisms = binding ? [boundMechanism, plainMechanism] : [plainMechanism]
  opening.ask(saslMessage(mechanisms))
  const { mechanism, data } = readSaslInitial(await opening.take(saslResponse))
  if (!mechanisms.includes(mechanism)) {
    throw new LoginRefused('08P01', 'client selected an invalid SASL authentication mechanism')
  }
  const exchange = new ScramServer(mechanism, { verifier: authority.verifier(user), binding })
  opening.ask(saslContinueMessage(exchange.first(data ?? (await firstAfterAll(opening)))))
  const proven = exchange.final(readSaslResponse(await opening.take(saslResponse)))
  if (proven === undefined)
    throw new LoginRefused('28P01', `password authentication failed for user "${user}"`)
  opening.ask(saslFinalMessage(proven))
}

/** A client may choose a mechanism first, and begin when it is asked to. */
async function firstAfterAll(opening: Opening): Promise<string> {
  opening.ask(saslContinueMessage(''))
  return readSaslResponse(await opening.take(saslResponse))
}

function saslResponse(held: Buffer): Taken<Buffer> | undefined {
  const type = held[0]
  if (type !== undefined && type !== frontend.password) {
    throw new ProtocolViolation(`expected SASL response, got message type ${type}`)
  }
  if (held.length < 5) return undefined
  const length = held.readInt32BE(1)
  if (length < 4 || length > longestSasl + 4) {
    throw new ProtocolViolation(`invalid length ${length} of a SASL response`)
  }
  return held.length > length ? { packet: held.subarray(0, length + 1), length: length + 1 } : undefined
}

function noEntry({ socket }: Opening, user: string, database: string): LoginRefused {
  const host = socket.remoteAddress ?? 'unknown'
  return new LoginRefused(
    '28000',
    `no pg_hba.conf entry for host "${host}", user "${user}", database "${database}", no encryption`,
    undefined,
    'This reader takes encrypted connections only: use sslmode=require, or ssl in node-postgres.',
  )
}
