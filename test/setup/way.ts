import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server, which can be cut: then nobody is there. */
export interface Way {
  /** The server's URL by this way. */
  readonly url: string
  /** Connections end, and new ones are refused. */
  readonly cut: () => Promise<void>
  /** Connections end, and new ones are answered by nobody. */
  readonly freeze: () => Promise<void>
  /** How many connections were opened. */
  readonly opened: () => number
}

export async function wayTo(server: string): Promise<Way> {
  const sockets = new Set<Socket>()
  let frozen = false
  let opened = 0
  const { port, hostname } = new URL(server)
  const listener = createServer((near) => {
    opened++
    sockets.add(near)
    near.on('error', () => undefined)
    if (frozen) return
    const far = connect(Number(port), hostname)
    sockets.add(far)
    far.on('error', () => undefined)
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const url = new URL(server)
  url.port = String((listener.address() as AddressInfo).port)
  return {
    url: url.href,
    cut: async () => {
      for (const socket of sockets) socket.destroy()
      if (!listener.listening) return
      const closed = once(listener, 'close')
      listener.close()
      await closed
    },
    freeze: () => {
      frozen = true
      for (const socket of sockets) socket.destroy()
      return Promise.resolve()
    },
    opened: () => opened,
  }
}
