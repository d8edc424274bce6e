import type { ConnectionOptions } from 'node:tls'
import type { ServerTls } from './servers.ts'

/** Whom to believe, and what to show, in Node's words. */
export function certificateRules({ mode, ca, cert, key }: ServerTls): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-full',
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  }
}
