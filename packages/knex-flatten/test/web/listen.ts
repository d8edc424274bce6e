import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request as send, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** A server on a port of the system's choice, closed after the file's tests; answers its URL. */
export async function listen(app: (...exchange: Parameters<RequestListener>) => unknown): Promise<string> {
  const server = createServer((request, response) => void app(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A request that can be broken off: what `fetch` does when it is aborted. */
export function startRequest(url: string): { abort: () => void; answer: Promise<IncomingMessage> } {
  const request = send(url, { agent: new Agent() })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject)
  })
  answer.catch(() => 'aborted on purpose')
  request.end()
  return { abort: () => request.destroy(), answer }
}
