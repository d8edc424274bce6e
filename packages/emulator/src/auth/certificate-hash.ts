import { createHash } from 'node:crypto'

/**
 * The hash of a certificate that ties a login to the TLS connection it was made with (`tls-server-end-point`, RFC 5929):
 * by the algorithm that the certificate is signed with, or SHA-256 where that is MD5 or SHA-1.
 *
 * @param certificate in DER
 * @returns undefined for a signature that has no such algorithm (Ed25519): PostgreSQL cannot tie a login to it either.
 */
export function certificateHash(certificate: Buffer): Buffer | undefined {
  const whole = element(certificate, 0)
  const body = element(certificate, whole.start)
  const signature = element(certificate, body.end)
  const algorithm = element(certificate, signature.start)
  const parameters = certificate.subarray(algorithm.end, signature.end)
  const name = certificate.toString('hex', algorithm.start, algorithm.end)
  const hash = name === rsaPss ? hashOfPss(parameters) : bySignature.get(name)
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest()
}

const rsaPss = '2a864886f70d01010a'

/** By the object identifiers of RFC 8017 and RFC 5758, as they are encoded. */
const bySignature = new Map([
  ['2a864886f70d010104', 'sha256'], // md5WithRSAEncryption
  ['2a864886f70d010105', 'sha256'], // sha1WithRSAEncryption
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d0401', 'sha256'], // ecdsa-with-SHA1
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
])

const byHash: readonly (readonly [string, string])[] = [
  ['0609608648016503040201', 'sha256'],
  ['0609608648016503040202', 'sha384'],
  ['0609608648016503040203', 'sha512'],
]

/** RSA-PSS names its hash first among its parameters; without any it is SHA-1. */
function hashOfPss(parameters: Buffer): string {
  const text = parameters.toString('hex')
  const found = byHash
    .filter(([oid]) => text.includes(oid))
    .sort(([a], [b]) => text.indexOf(a) - text.indexOf(b))
  return found[0]?.[1] ?? 'sha256'
}

/** Where the content of the DER element at a place begins and ends. */
function element(der: Buffer, at: number): { start: number; end: number } {
  const length = der.readUInt8(at + 1)
  if (length < 0x80) return { start: at + 2, end: at + 2 + length }
  const bytes = length & 0x7f
  const start = at + 2 + bytes
  return { start, end: start + der.readUIntBE(at + 2, bytes) }
}
