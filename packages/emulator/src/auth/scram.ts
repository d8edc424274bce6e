import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import saslprep from '@mongodb-js/saslprep'

/**
 * What both sides of SCRAM-SHA-256 (RFC 5802, RFC 7677) compute, as PostgreSQL does it
 * (https://www.postgresql.org/docs/16/sasl-authentication.html).
 */

export const plainMechanism = 'SCRAM-SHA-256'
/** The same, tied to the TLS connection by the server's certificate. */
export const boundMechanism = 'SCRAM-SHA-256-PLUS'
export const channelBinding = 'tls-server-end-point'

/** PostgreSQL's own number. */
const iterationCount = 4096
const saltLength = 16
const keyLength = 32

/** What a server keeps in place of a password. */
export interface Verifier {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What a client makes of its password. */
export interface Keys {
  readonly clientKey: Buffer
  readonly serverKey: Buffer
}

const derive = promisify(pbkdf2)

export async function keysOf(password: string, salt: Buffer, iterations: number): Promise<Keys> {
  const salted = await derive(normalized(password), salt, iterations, keyLength, 'sha256')
  return { clientKey: hmac(salted, 'Client Key'), serverKey: hmac(salted, 'Server Key') }
}

export async function verifierOf(password: string): Promise<Verifier> {
  const salt = randomBytes(saltLength)
  const { clientKey, serverKey } = await keysOf(password, salt, iterationCount)
  return { salt, iterations: iterationCount, storedKey: sha256(clientKey), serverKey }
}

/** As PostgreSQL keeps it, and takes it in place of a password. */
export function verifierText({ salt, iterations, storedKey, serverKey }: Verifier): string {
  const [s, k, v] = [salt, storedKey, serverKey].map((part) => part.toString('base64'))
  return `SCRAM-SHA-256$${iterations}:${s}$${k}:${v}`
}

/** For a user that does not exist: the same at each attempt, as a real one's would be, and no proof fits it. */
export function mockVerifier(user: string, secret: Buffer): Verifier {
  return {
    salt: hmac(secret, user).subarray(0, saltLength),
    iterations: iterationCount,
    storedKey: randomBytes(keyLength),
    serverKey: randomBytes(keyLength),
  }
}

export function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

export function hmac(key: Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

export function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ other[at]!))
}

export function nonce(): string {
  return randomBytes(18).toString('base64')
}

/** `r=…,s=…,i=…` by letter. Undefined where it is not made of such attributes. */
export function attributes(message: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  for (const attribute of message.split(',')) {
    if (!/^[A-Za-z]=/.test(attribute)) return undefined
    found.set(attribute[0]!, attribute.slice(2))
  }
  return found
}

/** SASLprep; a password that it does not allow is taken as it is, as PostgreSQL does. */
function normalized(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password
  try {
    return saslprep(password)
  } catch {
    return password
  }
}
