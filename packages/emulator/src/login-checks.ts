import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** What is wrong is said without showing a password. */
export function credentials(value: unknown): string | undefined {
  const { user, password, ...rest } = fieldsOf(value)
  // initdb takes no quotes in a name.
  const named = typeof user === 'string' && /^(?!pg_)[\p{L}_][\p{L}\p{N}_.@-]{0,62}$/u.test(user)
  const known = typeof password === 'string' && password !== '' && !/[\0\n\r]/.test(password)
  if (named && known && Object.keys(rest).length === 0) return undefined
  const what = named
    ? known
      ? 'has more than that'
      : 'has no password'
    : 'has no user, or one with other signs'
  return `${what}; allowed: { user, password }: letters, digits and . _ - @ (not pg_…), and a text on one line`
}

/** Whether a key and a certificate make an endpoint that can encrypt. */
export function certificate(value: unknown): string | undefined {
  const allowed = 'allowed: { key, cert, required? }, the first two in PEM'
  const { key, cert, required, ...rest } = fieldsOf(value)
  const isPem = (pem: unknown) => (typeof pem === 'string' && pem !== '') || Buffer.isBuffer(pem)
  const missing = isPem(key) ? (isPem(cert) ? undefined : 'has no cert') : 'has no key'
  if (missing !== undefined) return `${missing}; ${allowed}`
  if (Object.keys(rest).length > 0 || (required !== undefined && typeof required !== 'boolean'))
    return `has something else; ${allowed}`
  try {
    createSecureContext({ key: key as string, cert: cert as string })
    // Of another kind of key, the line above would not mind.
    if (new X509Certificate(cert as string).checkPrivateKey(createPrivateKey(key as string))) return undefined
    return `is refused (the certificate is for another key); ${allowed}`
  } catch (error) {
    return `is refused (${(error as Error).message}); ${allowed}`
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
