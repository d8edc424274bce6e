import { connect } from 'node:net'
import type { ServerAddress } from '../servers.ts'
import { backend } from '../wire/message-types.ts'
import { startupMessage } from '../wire/startup-packet.ts'
import { BackendLost } from './backend-lost.ts'
import { Backend, type BackendEvents, type Role } from './backend.ts'

/** Long enough for any server that answers at all; `apg_write_forward.connect_timeout` has the same default. */
const connectTimeoutMs = 30_000

/**
 * Opens a session on a server and waits until it is ready.
 *
 * @param parameters what the client asked for: user, database, application_name, options, …
 * @throws BackendLost with the server's ErrorResponse in `lastWords` if it refused, without if it is not there.
 */
export function openBackend(
  role: Role,
  address: ServerAddress,
  parameters: ReadonlyMap<string, string>,
  events: BackendEvents,
): Promise<Backend> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true })
    const seen: Buffer[] = []
    let key = { pid: 0, secret: 0 }
    let rest = Buffer.alloc(0)

    const giveUp = (lastWords: Buffer | undefined, cause: Error | undefined) => {
      socket.destroy()
      reject(new BackendLost(role, address, lastWords, cause))
    }
    const onError = (error: Error) => giveUp(undefined, error)
    const onClose = () => giveUp(undefined, new Error('the server closed the connection'))
    const onTimeout = () => giveUp(undefined, new Error(`no answer within ${connectTimeoutMs} ms`))

    const onData = (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const message = rest.subarray(0, rest.readInt32BE(1) + 1)
        rest = rest.subarray(message.length)
        switch (message[0]) {
          case backend.parameterStatus:
            seen.push(message)
            break
          case backend.keyData:
            key = { pid: message.readInt32BE(5), secret: message.readInt32BE(9) }
            break
          case backend.errorResponse:
            giveUp(message, undefined)
            return
          case backend.authentication:
            if (message.readInt32BE(5) === 0) break
            giveUp(undefined, new Error('the server asks for a password; only trust is supported so far'))
            return
          case backend.readyForQuery:
            socket.off('data', onData).off('error', onError).off('close', onClose).off('timeout', onTimeout)
            socket.setTimeout(0)
            resolve(new Backend(role, address, socket, { key, parameters: seen }, events))
            return
          default:
            break
        }
      }
    }

    socket.setTimeout(connectTimeoutMs)
    socket.on('data', onData).on('error', onError).on('close', onClose).on('timeout', onTimeout)
    socket.write(startupMessage(parameters))
  })
}
