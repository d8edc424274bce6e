import { startEndpoint, type Endpoint } from './endpoint/endpoint.ts'
import { listenError } from './listen-address.ts'
import { checkValue } from './option-checks.ts'
import type { ReaderSettings } from './options.ts'
import { urlOf } from './server-urls.ts'
import type { ServerPair } from './servers.ts'

/** What of the settings is an endpoint's own. */
export type ReaderBehaviour = Pick<
  ReaderSettings,
  | 'host'
  | 'port'
  | 'tls'
  | 'profile'
  | 'assumptions'
  | 'consistency'
  | 'latencyMs'
  | 'maxForwardingConnectionsPercent'
>

/** An endpoint that listens, as its users see it. */
export interface OpenReader {
  readonly endpoint: Endpoint
  readonly readerUrl: string
  readonly latency: { set(ms: number): void }
}

/** Opens a reader before servers that run. @throws EmulatorError if it cannot listen there */
export async function openReader(servers: ServerPair, behaviour: ReaderBehaviour): Promise<OpenReader> {
  const { host, port, tls } = behaviour
  const { user, password } = servers.primary
  // Whoever gets in at the reader gets in at the servers, so it asks for what they ask for.
  const auth = user !== undefined && password !== undefined ? { user, password } : undefined
  const endpoint = await startEndpoint({ servers, ...behaviour, auth }).catch((error: unknown) => {
    throw listenError(error, host, port)
  })
  const url = urlOf(servers, { host, port: endpoint.port, password })
  return {
    endpoint,
    readerUrl: url + (tls?.required ? '?sslmode=require' : ''),
    latency: {
      set: (ms) => {
        checkValue('latencyMs', ms)
        endpoint.latency.set(ms)
      },
    },
  }
}
