import { connect } from 'node:net'
import type { ServerAddress } from '../servers.ts'
import { cancelMessage } from '../wire/startup-packet.ts'

/** Asks a server to cancel what a session runs; resolves when the server has dealt with it. Never fails, as in PostgreSQL. */
export function cancelOn(address: ServerAddress, key: { pid: number; secret: number }): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true })
    socket.setTimeout(5000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
    socket.resume()
    socket.write(cancelMessage(key))
  })
}
