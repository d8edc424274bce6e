import type { Socket } from 'node:net'
import type { ServerAddress } from '../servers.ts'
import { cancelMessage, type CancelKey } from '../wire/startup-packet.ts'
import { connectServer } from './connect-server.ts'

const patienceMs = 5000

/**
 * Asks a server to cancel what a session runs; resolves when the server has dealt with it, which is when it closes: the
 * session's process has its signal by then. Never fails, as in PostgreSQL.
 */
export async function cancelOn(address: ServerAddress, key: CancelKey): Promise<void> {
  const watch = (socket: Socket) => {
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('error', () => socket.destroy())
  }
  const connection = await connectServer(address, watch).catch(() => undefined)
  if (!connection) return
  const { socket } = connection
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    socket.resume()
    socket.write(cancelMessage(key))
  })
}
