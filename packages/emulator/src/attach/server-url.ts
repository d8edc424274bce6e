import { parse } from 'pg-connection-string'
import type { ServerAddress, ServerTls } from '../servers.ts'

/** What a `postgres://` URL says of a server. */
export interface ServerUrl {
  readonly address: ServerAddress & { readonly user: string }
  readonly database: string
}

type Mode = ServerTls['mode'] | 'disable' | 'allow'
const modes: readonly Mode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/**
 * Reads a URL as libpq does: without `sslmode` a connection is encrypted if the server offers it, and the database has the
 * user's name unless the URL names one.
 *
 * @throws TypeError that says what is wrong with the URL, without repeating a password in it
 */
export function readServerUrl(url: string): ServerUrl {
  const fail = (why: string, cause?: unknown): never => {
    throw new TypeError(why, { cause })
  }
  if (!/^postgres(ql)?:\/\//.test(url)) return fail('is no postgres:// URL')
  let read: ReturnType<typeof parse>
  try {
    read = parse(url, { useLibpqCompat: true })
  } catch (error) {
    return fail(`cannot be read (${(error as Error).message})`, error)
  }
  if (!read.host || read.host.startsWith('/')) return fail('names no host')
  if (!read.user) return fail('names no user')
  const port = Number(read.port || 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return fail(`has port ${String(read.port)}`)
  const mode = (read['sslmode'] as string | undefined) ?? 'prefer'
  if (!modes.some((known) => known === mode))
    return fail(`has sslmode=${mode}, not one of ${modes.join(', ')}`)
  const tls = tlsOf(mode as Mode, typeof read.ssl === 'object' ? read.ssl : {})
  const login = { host: read.host, port, user: read.user, password: read.password || undefined, tls }
  return { address: login, database: read.database ?? read.user }
}

function tlsOf(
  mode: Mode,
  files: { ca?: string; cert?: string | null; key?: string },
): ServerTls | undefined {
  if (mode === 'disable') return undefined
  const { ca, cert, key } = files
  // libpq too checks the certificate wherever it was told whom to believe.
  const checked = mode === 'require' && ca !== undefined ? 'verify-ca' : mode
  return { mode: checked === 'allow' ? 'prefer' : checked, ca, cert: cert ?? undefined, key }
}
