import type { Socket } from 'node:net'
import { BackendLost } from '../backend/backend-lost.ts'
import type { BackendEvents } from '../backend/backend.ts'
import { openBackend } from '../backend/open-backend.ts'
import type { ServerPair } from '../servers.ts'
import type { EndpointState } from '../session/conversation.ts'
import { SessionServers } from '../session/session-servers.ts'
import { fatal, Session } from '../session/session.ts'
import { Settings } from '../session/settings.ts'
import { authenticationOk, keyDataMessage, negotiateVersionMessage, readyForQuery } from '../wire/build.ts'
import { ProtocolViolation } from '../wire/frontend-framer.ts'
import { status } from '../wire/message-types.ts'
import { readStartupPacket, type StartupPacket } from '../wire/startup-packet.ts'
import type { CancelKey, SessionList } from './session-list.ts'

type Start = Extract<StartupPacket, { kind: 'start' }>

/** Sees a connection from its first byte to its end. Never rejects. */
export async function welcome(
  socket: Socket,
  behind: ServerPair,
  endpoint: EndpointState,
  sessions: SessionList,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const opening = await readOpening(socket)
    if (!opening) {
      socket.destroy()
      return
    }
    const { packet, rest } = opening
    if (packet.kind === 'cancel') {
      await sessions.cancel(packet)
      socket.destroySoon()
      return
    }
    await startSession(socket, packet, rest, behind, endpoint, sessions)
  } catch (error) {
    socket.end(openingError(error))
    socket.setTimeout(1000, () => socket.destroy())
  }
}

/** Reads up to the packet that starts a session or cancels one; encryption is declined (issue of its own). */
function readOpening(
  socket: Socket,
): Promise<{ packet: Start | Extract<StartupPacket, { kind: 'cancel' }>; rest: Buffer } | undefined> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0)
    const settle = (act: () => void) => {
      socket.pause()
      socket.off('data', onData).off('end', onEnd).off('close', onEnd)
      act()
    }
    const onEnd = () => settle(() => resolve(undefined))
    const onData = (chunk: Buffer) => {
      held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk
      try {
        for (let read = readStartupPacket(held); read; read = readStartupPacket(held)) {
          const { packet, length } = read
          held = held.subarray(length)
          if (packet.kind === 'encryption') socket.write('N')
          else if (packet.kind === 'unsupported') throw unsupported(packet.major, packet.minor)
          else {
            settle(() => resolve({ packet, rest: held }))
            return
          }
        }
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(String(error))))
      }
    }
    socket.on('data', onData).on('end', onEnd).on('close', onEnd)
  })
}

async function startSession(
  socket: Socket,
  { minor, parameters, protocolOptions }: Start,
  rest: Buffer,
  behind: ServerPair,
  endpoint: EndpointState,
  sessions: SessionList,
): Promise<void> {
  if (parameters.has('replication')) {
    throw new Refused(
      '0A000',
      'the forwarding reader offers no replication connections: connect to the primary for one',
    )
  }
  const opened: { session?: Session } = {}
  const events: BackendEvents = {
    notice: (bytes) => opened.session?.notice(bytes),
    lost: (error) => opened.session?.standbyLost(error),
  }
  const standby = await openBackend('standby', behind.standby, parameters, events)
  if (socket.destroyed) {
    standby.end()
    return
  }
  const settings = new Settings()
  const servers = new SessionServers(standby, behind, parameters, settings)
  const session = new Session(socket, endpoint, servers, settings)
  opened.session = session
  const key: CancelKey = sessions.newKey()
  sessions.add(key, session)
  const greeting = [
    ...(minor > 0 || protocolOptions.length > 0 ? [negotiateVersionMessage(protocolOptions)] : []),
    authenticationOk,
    ...standby.greeting.parameters,
    keyDataMessage(key.pid, key.secret),
    readyForQuery(status.idle),
  ]
  socket.write(Buffer.concat(greeting))
  const served = session.serve(rest)
  socket.resume()
  await served
  sessions.remove(key)
}

class Refused extends Error {
  readonly sqlstate: string

  constructor(sqlstate: string, message: string) {
    super(message)
    this.sqlstate = sqlstate
  }
}

function unsupported(major: number, minor: number): Refused {
  return new Refused(
    '0A000',
    `unsupported frontend protocol ${major}.${minor}: the forwarding reader speaks 3.0`,
  )
}

function openingError(error: unknown): Buffer {
  if (error instanceof Refused) return fatal(error.sqlstate, error.message)
  if (error instanceof ProtocolViolation) return fatal('08P01', error.message)
  if (!(error instanceof BackendLost)) return fatal('XX000', String(error))
  // The standby's own refusal (no such database, too many clients) is the reader's.
  return (
    error.lastWords ??
    fatal('08006', error.message, 'Is the standby running? The reader cannot serve without it.')
  )
}
