import type { ServerAddress, ServerPair } from './servers.ts'

/** Where to connect to a server of the pair, or to a reader before it. An endpoint that listens everywhere is reached by the loopback. */
export function urlOf({ user, database }: ServerPair, { host, port, password }: ServerAddress): string {
  const login = [user, ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(':')
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `postgres://${login}@${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/${database}`
}
