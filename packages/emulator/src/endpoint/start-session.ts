import type { BackendEvents } from '../backend/backend.ts'
import { openBackend } from '../backend/open-backend.ts'
import { openingParameters, withForwardDefaults } from '../settings/open-parameters.ts'
import { SessionServers } from '../session/session-servers.ts'
import { Session } from '../session/session.ts'
import { Settings } from '../settings/settings.ts'
import { authenticationOk, keyDataMessage, readyForQuery } from '../wire/build.ts'
import { status } from '../wire/message-types.ts'
import type { StartupPacket } from '../wire/startup-packet.ts'
import type { Opening } from './opening.ts'
import type { House } from './welcome.ts'

/** Opens a session on the standby for a client that was let in, and serves it to its end. @throws BackendLost, LoginRefused */
export async function startSession(
  opening: Opening,
  { minor, parameters }: Extract<StartupPacket, { kind: 'start' }>,
  { servers: pair, endpoint, sessions, gate }: House,
): Promise<void> {
  const { socket } = opening
  const opened: { session?: Session } = {}
  const events: BackendEvents = {
    notice: (bytes) => opened.session?.notice(bytes),
    lost: (error) => opened.session?.standbyLost(error),
  }
  gate.pass()
  const asked = withForwardDefaults(parameters, endpoint.forwardDefaults, pair)
  const standby = await openBackend('standby', pair.standby, asked, events)
  const initial = await openingParameters(standby, parameters, endpoint.forwardDefaults)
  if (socket.destroyed) {
    standby.end()
    return
  }
  gate.pass(standby)
  const settings = new Settings()
  const servers = new SessionServers(standby, endpoint.way, asked, settings)
  const session = new Session(socket, endpoint, servers, settings, initial)
  opened.session = session
  const key = sessions.newKey(minor)
  sessions.add(key, session)
  const greeting = [
    authenticationOk,
    ...standby.greeting.parameters,
    keyDataMessage(key),
    readyForQuery(status.idle),
  ]
  socket.write(Buffer.concat(greeting))
  const served = session.serve(opening.release())
  socket.resume()
  await served
  sessions.remove(key)
}
