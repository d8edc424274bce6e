import { LoginRefused } from '../auth/login-refused.ts'
import { BackendLost } from '../backend/backend-lost.ts'
import type { ServerPair } from '../servers.ts'
import type { EndpointState } from '../session/conversation.ts'
import { negotiateVersionMessage } from '../wire/build.ts'
import { fatal } from '../wire/error-response.ts'
import { ProtocolViolation } from '../wire/frontend-framer.ts'
import {
  alpnProtocol,
  newestMinor,
  NoStartupPacket,
  readStartupPacket,
  tlsHandshake,
  type StartupPacket,
} from '../wire/startup-packet.ts'
import { admit, type Admission } from './admission.ts'
import type { Gate } from './gate.ts'
import { ClientGone, type Opening } from './opening.ts'
import type { SessionList } from './session-list.ts'
import { startSession } from './start-session.ts'

/** What a connection finds at an endpoint. */
export interface House {
  readonly servers: ServerPair
  readonly endpoint: EndpointState
  readonly sessions: SessionList
  readonly admission: Admission
  readonly gate: Gate
}

/** Sees a connection from its first byte to its end. Never rejects. */
export async function welcome(opening: Opening, house: House): Promise<void> {
  try {
    const packet = await firstRequest(opening, house.admission)
    if (packet.kind === 'cancel') {
      opening.settle()
      await house.sessions.cancel(packet.key)
      opening.socket.destroySoon()
      return
    }
    const { minor, parameters, protocolOptions } = packet
    if (minor > newestMinor || protocolOptions.length > 0) {
      opening.socket.write(negotiateVersionMessage(Math.min(minor, newestMinor), protocolOptions))
    }
    if (parameters.has('replication')) {
      throw new LoginRefused(
        '0A000',
        'the forwarding reader offers no replication connections: connect to the primary for one',
      )
    }
    await admit(opening, house.admission, parameters)
    opening.settle()
    await startSession(opening, packet, house)
  } catch (error) {
    opening.settle()
    if (error instanceof ClientGone || error instanceof NoStartupPacket) opening.socket.destroySoon()
    else opening.end(lastWordsFor(error))
  }
}

/** Agrees on encryption, and reads up to the packet that starts a session or cancels one. */
async function firstRequest(
  opening: Opening,
  { secureContext }: Admission,
): Promise<Extract<StartupPacket, { kind: 'start' | 'cancel' }>> {
  const first = await opening.take((held) => (held.length > 0 ? { packet: held[0], length: 0 } : undefined))
  if (first === tlsHandshake) {
    if (!secureContext) throw new ClientGone()
    // One that speaks another protocol must not be talked into ours: without a request, the name of it is asked for.
    if ((await opening.encrypt(secureContext)).alpnProtocol !== alpnProtocol) throw new ClientGone()
  }
  const asked = { tls: opening.encrypted, gss: opening.encrypted }
  for (;;) {
    const packet = await opening.take(readStartupPacket)
    switch (packet.kind) {
      case 'gss':
        if (asked.gss) throw unsupported(1234, 5680)
        asked.gss = true
        opening.answer('N', 'GSSAPI encryption')
        break
      case 'tls':
        if (asked.tls) throw unsupported(1234, 5679)
        asked.tls = true
        opening.answer(secureContext ? 'S' : 'N', 'SSL')
        if (secureContext) await opening.encrypt(secureContext)
        asked.gss ||= opening.encrypted
        break
      case 'unsupported':
        throw unsupported(packet.major, packet.minor)
      default:
        return packet
    }
  }
}

function unsupported(major: number, minor: number): LoginRefused {
  return new LoginRefused(
    '0A000',
    `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.${newestMinor}`,
  )
}

function lastWordsFor(error: unknown): Buffer {
  if (error instanceof LoginRefused) return fatal(error.sqlstate, error.message, error.hint, error.detail)
  if (error instanceof ProtocolViolation) return fatal('08P01', error.message)
  if (!(error instanceof BackendLost)) return fatal('XX000', String(error))
  // The standby's own refusal (no such database, too many clients) is the reader's.
  return (
    error.lastWords ??
    fatal('08006', error.message, 'Is the standby running? The reader cannot serve without it.')
  )
}
