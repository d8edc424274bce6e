import { createHmac, timingSafeEqual } from 'node:crypto'

/** What is known of a write that others are to see: when it was acknowledged and, where the writer could say, what a reader must have replayed. */
export interface WrittenAt {
  /** Milliseconds since 1970, by the clock of the process that wrote. */
  readonly at: number
  /** A position in the writer's log that is behind the write, such as `0/16B3748`. */
  readonly lsn: string | undefined
}

/** Why a token counts for nothing. */
export type TokenFault = 'malformed' | 'forged' | 'from-the-future' | 'expired'

/** How tokens are read. */
export interface TokenSettings {
  /** The keys that sign; the first is used for new tokens, any of them is believed. Empty: tokens are not signed. */
  readonly secrets: readonly string[]
  /** Milliseconds after which every reader is taken to show what was written. */
  readonly maxAgeMs: number
}

/** Clocks of two machines may differ by this, milliseconds. */
const CLOCK_SKEW_MS = 60_000

/** `1.<at, base 36>.<position>` and, where it is signed, `.<signature>`: fit for cookies, headers and URLs. */
const SHAPE = /^1\.([0-9a-z]{1,11})\.(?:([0-9A-F]{1,8})-([0-9A-F]{1,8}))?(?:\.([A-Za-z0-9_-]{22}))?$/

/** Writes a token down. */
export function encodeToken({ at, lsn }: WrittenAt, [secret]: readonly string[]): string {
  const body = `1.${Math.floor(at).toString(36)}.${lsn?.replace('/', '-') ?? ''}`
  return secret === undefined ? body : `${body}.${signatureOf(body, secret)}`
}

/** What a token says, or why it says nothing: it comes from outside and may be anything. */
export function decodeToken(
  text: string,
  { secrets, maxAgeMs }: TokenSettings,
  now: number,
): WrittenAt | TokenFault {
  const [, written, high, low, signature] = SHAPE.exec(text) ?? []
  if (written === undefined) return 'malformed'
  const body = signature === undefined ? text : text.slice(0, -1 - signature.length)
  if (secrets.length > 0 && !secrets.some((secret) => isSignedBy(body, signature, secret))) return 'forged'
  const at = Number.parseInt(written, 36)
  if (at > now + CLOCK_SKEW_MS) return 'from-the-future'
  if (at < now - maxAgeMs) return 'expired'
  return { at, lsn: high === undefined ? undefined : `${high}/${low}` }
}

function isSignedBy(body: string, signature: string | undefined, secret: string): boolean {
  if (signature === undefined) return false
  return timingSafeEqual(Buffer.from(signature), Buffer.from(signatureOf(body, secret)))
}

/** 132 bits of an HMAC. */
function signatureOf(body: string, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('base64url').slice(0, 22)
}
