import type { Socket } from 'node:net'

const patienceMs = 1000

/** Ends a connection with last words, and waits only a moment for a client that does not read them or does not go. */
export function farewell(socket: Socket, lastWords?: Buffer): void {
  if (socket.destroyed) return
  const limit = setTimeout(() => socket.destroy(), patienceMs)
  socket.on('close', () => clearTimeout(limit))
  // What the client still sends is not looked at, but would keep its own end from being seen.
  socket.resume()
  if (lastWords) socket.end(lastWords)
  else socket.end()
}
