import type { Socket } from 'node:net'
import { LoginRefused } from '../auth/login-refused.ts'
import type { ServerAddress } from '../servers.ts'
import { fatal } from '../wire/error-response.ts'
import { backend } from '../wire/message-types.ts'
import { startupMessage } from '../wire/startup-packet.ts'
import { BackendLost } from './backend-lost.ts'
import { Backend, type BackendEvents, type Role } from './backend.ts'
import { connectServer } from './connect-server.ts'
import { Login } from './login.ts'

/** Long enough for any server that answers at all; `apg_write_forward.connect_timeout` has the same default. */
const connectTimeoutMs = 30_000
const tooLate = new Error(`no answer within ${connectTimeoutMs} ms`)

/**
 * Opens a session on a server and waits until it is ready.
 *
 * @param parameters what the client asked for: user, database, application_name, options, …
 * @param signal gives up, with its reason; without one, 30 s are allowed.
 * @throws BackendLost with the server's ErrorResponse in `lastWords` if it refused, or ours if there is no way to log in;
 *   without if it is not there.
 */
export async function openBackend(
  role: Role,
  address: ServerAddress,
  parameters: ReadonlyMap<string, string>,
  events: BackendEvents,
  signal?: AbortSignal,
): Promise<Backend> {
  const sockets: Socket[] = []
  let giveUp: (() => void) | undefined
  const timer = signal ? undefined : setTimeout(() => giveUp?.(), connectTimeoutMs)
  const timeout = new Promise<never>((_, reject) => {
    giveUp = () => reject((signal?.reason as Error | undefined) ?? tooLate)
    signal?.addEventListener('abort', giveUp, { once: true })
  })
  try {
    const opening = open(role, address, parameters, events, (socket) => sockets.push(socket))
    return await Promise.race([opening, timeout])
  } catch (error) {
    for (const socket of sockets) socket.on('error', () => undefined).destroy()
    throw error instanceof BackendLost ? error : lost(role, address, error)
  } finally {
    clearTimeout(timer)
    if (giveUp) signal?.removeEventListener('abort', giveUp)
  }
}

async function open(
  role: Role,
  address: ServerAddress,
  parameters: ReadonlyMap<string, string>,
  events: BackendEvents,
  onSocket: (socket: Socket) => void,
): Promise<Backend> {
  const { socket, encryption } = await connectServer(address, onSocket)
  const login = new Login(address, parameters.get('user') ?? '', encryption)
  return new Promise((resolve, reject) => {
    const seen: Buffer[] = []
    let key = { pid: 0, secret: Buffer.alloc(0) }
    let rest: Buffer = Buffer.alloc(0)

    const onClose = () => reject(new Error('the server closed the connection'))
    const answer = async (message: Buffer) => {
      const bytes = await login.answer(message)
      if (bytes) socket.write(bytes)
    }
    const onData = (chunk: Buffer) => {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const message = rest.subarray(0, rest.readInt32BE(1) + 1)
        rest = rest.subarray(message.length)
        switch (message[0]) {
          case backend.parameterStatus:
            seen.push(Buffer.from(message))
            break
          case backend.keyData:
            key = { pid: message.readInt32BE(5), secret: Buffer.from(message.subarray(9)) }
            break
          case backend.errorResponse:
            reject(new BackendLost(role, address, Buffer.from(message), undefined))
            return
          case backend.authentication:
            answer(message).catch(reject)
            break
          case backend.readyForQuery:
            socket.off('data', onData).off('error', reject).off('close', onClose)
            resolve(new Backend(role, address, socket, { key, parameters: seen }, events))
            return
          default:
            break
        }
      }
    }

    // It was paused where the server declined to encrypt.
    socket.on('data', onData).on('error', reject).on('close', onClose).resume()
    socket.write(startupMessage(parameters))
  })
}

/** Why there is no session, where the server itself has not said it. */
function lost(role: Role, address: ServerAddress, error: unknown): BackendLost {
  if (!(error instanceof LoginRefused)) {
    return new BackendLost(
      role,
      address,
      undefined,
      error instanceof Error ? error : new Error(String(error)),
    )
  }
  return new BackendLost(role, address, fatal(error.sqlstate, error.message, error.hint), undefined)
}
