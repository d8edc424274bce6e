import { connect, isIP, type Socket } from 'node:net'
import { connect as secure, type TLSSocket } from 'node:tls'
import { certificateHash } from '../auth/certificate-hash.ts'
import { certificateRules } from '../server-tls.ts'
import type { ServerAddress, ServerTls } from '../servers.ts'
import { alpnProtocol, sslRequestMessage } from '../wire/startup-packet.ts'

/** What a login can be tied to. */
export interface Encryption {
  /** The hash of the server's certificate, if it has one. */
  readonly binding: Buffer | undefined
}

/** A connection on which nothing of the protocol was said yet. */
export interface ServerConnection {
  readonly socket: Socket
  readonly encryption: Encryption | undefined
}

/**
 * Connects to a server, encrypted if its address says so.
 *
 * @param onSocket is given the socket at once, so that it can be watched and destroyed meanwhile.
 * @throws what the socket says if it is not there, and an Error if it takes no encrypted connections.
 */
export async function connectServer(
  { host, port, tls }: ServerAddress,
  onSocket: (socket: Socket) => void,
): Promise<ServerConnection> {
  const socket = connect({ host, port, noDelay: true })
  onSocket(socket)
  if (!tls) return { socket, encryption: undefined }
  const offer = await answerTo(socket, sslRequestMessage)
  if (offer === 'S') return encrypt(socket, host, tls, onSocket)
  if (tls.mode === 'prefer') return { socket, encryption: undefined }
  throw new Error(`it takes no encrypted connections, and sslmode=${tls.mode} asks for one`)
}

/** The one byte with which a server answers: S or N. */
function answerTo(socket: Socket, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error('the server closed the connection'))
    const onError = (error: Error) => reject(error)
    socket.once('close', onClose).once('error', onError)
    socket.once('data', (chunk: Buffer) => {
      socket.off('close', onClose).off('error', onError).pause()
      // More than that would come from somebody in between.
      if (chunk.length === 1) resolve(chunk.toString('latin1'))
      else reject(new Error('it sent unencrypted data where an encrypted connection was to begin'))
    })
    socket.write(request)
  })
}

function encrypt(
  plain: Socket,
  host: string,
  tls: ServerTls,
  onSocket: (socket: Socket) => void,
): Promise<ServerConnection> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = secure({
      socket: plain,
      host,
      ...(isIP(host) === 0 && { servername: host }),
      ALPNProtocols: [alpnProtocol],
      ...certificateRules(tls),
    })
    onSocket(socket)
    const onClose = () => reject(new Error('the server closed the connection'))
    socket.once('error', reject).once('close', onClose)
    socket.once('secureConnect', () => {
      socket.off('error', reject).off('close', onClose)
      const certificate = socket.getPeerX509Certificate()?.raw
      resolve({ socket, encryption: { binding: certificate && certificateHash(certificate) } })
    })
  })
}
