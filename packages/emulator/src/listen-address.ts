import { once } from 'node:events'
import { createServer } from 'node:net'
import { EmulatorError } from './emulator-error.ts'

/** Fails early, before any server starts, where the reader could not listen in the end. */
export async function checkFree(host: string, port: number): Promise<void> {
  const server = createServer()
  try {
    await once(server.listen(port, host), 'listening')
  } catch (error) {
    throw listenError(error, host, port)
  }
  await once(server.close(), 'close')
}

/** Says why the reader cannot listen at an address, and what to do; what is not about listening stays as it is. */
export function listenError(error: unknown, host: string, port: number): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'getaddrinfo' || code === 'EADDRNOTAVAIL') {
    return new EmulatorError(
      'EMULATOR_OPTIONS',
      `Option 'host' is '${host}', which is no address of this machine (${code}). Leave it out to listen on 127.0.0.1.`,
      { cause: error },
    )
  }
  if (syscall !== 'listen' && syscall !== 'bind') return error
  const reason =
    code === 'EADDRINUSE' ? 'another program listens there' : `the system does not allow it (${code})`
  return new EmulatorError(
    'EMULATOR_PORT_IN_USE',
    `The reader cannot listen on ${host}:${port}: ${reason}. Choose another port, or 0 for one that is free.`,
    { cause: error },
  )
}
