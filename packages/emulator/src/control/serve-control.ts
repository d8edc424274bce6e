import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EmulatorError } from '../emulator-error.ts'
import type { ForwardingReader } from '../forwarding-reader.ts'
import type { Call, Reply } from './call.ts'

/** A way to a reader for other processes of the same user on this machine. */
export interface Control {
  /** Whoever knows it may do everything. */
  readonly url: string
  stop(): Promise<void>
}

const longestCall = 1_000_000

/** Listens on the loopback for calls of a reader's methods; the URL has a secret in it. */
export async function serveControl(reader: ForwardingReader): Promise<Control> {
  const path = `/${randomBytes(24).toString('base64url')}`
  const server = createServer((request, response) => {
    const known = request.url === path && request.method === 'POST'
    const answer = known ? perform(reader, request) : Promise.resolve<Reply>({ error: unknownCaller })
    void answer.then((reply) => {
      response.statusCode = known ? 200 : 403
      response.end(JSON.stringify(reply))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const unknownCaller = {
  name: 'Error',
  message: 'this is the control of a forwarding reader, for its own tests',
}

async function perform(reader: ForwardingReader, request: IncomingMessage): Promise<Reply> {
  try {
    const { database, path, values } = await readCall(request)
    const on = database === undefined ? reader : await reader.database(database)
    return { value: await callMethod(on, path, values) }
  } catch (error) {
    const { name, message } = error as Error
    return { error: { name, message, ...(error instanceof EmulatorError && { code: error.code }) } }
  }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string
    if (text.length > longestCall) throw new Error('the call is too long')
  }
  return JSON.parse(text) as Call
}

/** Follows names to a method, and never to what every object has. */
function callMethod(root: object, path: readonly string[], values: readonly unknown[]): unknown {
  let owner: unknown = undefined
  let found: unknown = root
  for (const name of path) {
    if (typeof found !== 'object' || found === null || name in Object.prototype || !(name in found)) {
      throw new TypeError(`A forwarding reader has no ${path.join('.')}`)
    }
    owner = found
    found = (found as Record<string, unknown>)[name]
  }
  if (typeof found !== 'function') return found
  return (found as (...values: unknown[]) => unknown).apply(owner, [...values])
}
