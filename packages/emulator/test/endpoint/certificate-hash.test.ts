import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as secure } from 'node:tls'
import { expect, it } from 'vitest'
import { certificateHash } from '../../src/auth/certificate-hash.ts'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { certificate, tls } from './certificates.ts'
import { useRig } from './rig.ts'

const rig = useRig()

const der = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content)
  const head = Buffer.from([tag, 0x82, 0, 0])
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([body.length < 0x80 ? Buffer.from([tag, body.length]) : head, body])
}
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const nothing = der(0x05)
/** Of a certificate's shape: what is signed, by which algorithm, and the signature. */
const signedBy = (algorithm: string, parameters: Buffer = nothing) =>
  der(
    0x30,
    der(0x30, Buffer.alloc(300, 7)),
    der(0x30, oid(algorithm), parameters),
    der(0x03, Buffer.alloc(65)),
  )

const sha1 = der(0x30, oid('2b0e03021a'))
const sha2 = (which: number) => der(0x30, oid(`60864801650304020${which}`), nothing)
const mask = (hash: Buffer) => der(0xa1, der(0x30, oid('2a864886f70d010108'), hash))
const pss = (hash: Buffer, masked: Buffer) =>
  signedBy('2a864886f70d01010a', der(0x30, der(0xa0, hash), mask(masked), der(0xa2, Buffer.from([2, 1, 32]))))

it.each([
  ['RSA with MD5', signedBy('2a864886f70d010104'), 'sha256'],
  ['RSA with SHA-1', signedBy('2a864886f70d010105'), 'sha256'],
  ['RSA with SHA-256', signedBy('2a864886f70d01010b'), 'sha256'],
  ['RSA with SHA-384', signedBy('2a864886f70d01010c'), 'sha384'],
  ['RSA with SHA-512', signedBy('2a864886f70d01010d'), 'sha512'],
  ['ECDSA with SHA-1', signedBy('2a8648ce3d0401', Buffer.alloc(0)), 'sha256'],
  ['ECDSA with SHA-256', signedBy('2a8648ce3d040302', Buffer.alloc(0)), 'sha256'],
  ['ECDSA with SHA-384', signedBy('2a8648ce3d040303', Buffer.alloc(0)), 'sha384'],
  ['ECDSA with SHA-512', signedBy('2a8648ce3d040304', Buffer.alloc(0)), 'sha512'],
  ['RSA-PSS with nothing said', signedBy('2a864886f70d01010a', der(0x30)), 'sha256'],
  ['RSA-PSS with SHA-1', pss(sha1, sha1), 'sha256'],
  ['RSA-PSS with SHA-256', pss(sha2(1), sha2(1)), 'sha256'],
  ['RSA-PSS with SHA-384', pss(sha2(2), sha2(2)), 'sha384'],
  ['RSA-PSS with SHA-512 and another hash in its mask', pss(sha2(3), sha2(1)), 'sha512'],
  ['RSA-PSS with SHA-256 and another hash in its mask', pss(sha2(1), sha2(3)), 'sha256'],
])('ties a login to a certificate signed by %s', (_, signed, hash) => {
  expect(certificateHash(signed)).toEqual(createHash(hash).update(signed).digest())
})

it.each([
  ['server', 'sha256'],
  ['ecdsa-sha384', 'sha384'],
  ['rsa-sha512', 'sha512'],
  ['rsa-pss-sha384', 'sha384'],
])('ties a login to a real certificate: %s', (name, hash) => {
  const { raw } = new X509Certificate(certificate(name))
  expect(certificateHash(raw)).toEqual(createHash(hash).update(raw).digest())
})

it('ties none to a certificate signed by Ed25519, and does not offer it', async () => {
  const cert = certificate('signed-by-ed25519')
  expect(certificateHash(new X509Certificate(cert).raw)).toBeUndefined()
  const auth = { user: 'postgres', password: 'secret' }
  const offers = async (certificateText: string) => {
    const { port } = await rig.endpointWith({ tls: { ...tls, cert: certificateText }, auth })
    const options = { host: '127.0.0.1', port, ALPNProtocols: ['postgresql'], rejectUnauthorized: false }
    const socket = secure(options).on('error', () => undefined)
    socket.write(startupMessage(new Map([['user', 'postgres']])))
    const [offered] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return offered.toString('latin1', 9)
  }
  expect(await offers(cert)).toBe('SCRAM-SHA-256\0\0')
  expect(await offers(tls.cert)).toBe('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0')
})
