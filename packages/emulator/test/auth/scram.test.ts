import { describe, expect, it } from 'vitest'
import { LoginRefused } from '../../src/auth/login-refused.ts'
import { ScramClient } from '../../src/auth/scram-client.ts'
import { ScramServer } from '../../src/auth/scram-server.ts'
import { boundMechanism, plainMechanism, verifierOf } from '../../src/auth/scram.ts'

const password = 'secret'
const verifier = await verifierOf(password)
const certificate = Buffer.alloc(32, 1)
const another = Buffer.alloc(32, 2)
const both = [boundMechanism, plainMechanism]

const client = (binding?: Buffer, offered: readonly string[] = both, said = password) =>
  new ScramClient(offered, said, { encrypted: binding !== undefined, binding })
const server = (mechanism: string, binding?: Buffer) => new ScramServer(mechanism, { verifier, binding })

/** What is thrown, as the words that a client is told. */
async function refusal(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof LoginRefused) return `${error.sqlstate} ${error.message}: ${error.detail ?? '-'}`
    throw error
  }
  throw new Error('nothing was refused')
}

describe('an exchange of both sides', () => {
  it.each([
    ['without TLS', undefined, undefined, plainMechanism],
    ['tied to the certificate', certificate, certificate, boundMechanism],
  ])('proves that either knows the password, %s', async (_, ours, theirs, mechanism) => {
    const asking = client(ours)
    expect(asking.mechanism).toBe(ours ? boundMechanism : plainMechanism)
    const answering = server(mechanism, theirs)
    const proven = answering.final(await asking.prove(answering.first(asking.first)))
    expect(proven).toMatch(/^v=/)
    asking.check(proven!)
  })

  it('takes a password as it is that SASLprep does not allow', async () => {
    // Letters that run from right to left may not end in a digit.
    const forbidden = '\u06271'
    const asking = client(undefined, both, forbidden)
    const answering = new ScramServer(plainMechanism, {
      verifier: await verifierOf(forbidden),
      binding: undefined,
    })
    expect(answering.final(await asking.prove(answering.first(asking.first)))).toMatch(/^v=/)
  })

  it('is not proven with another password', async () => {
    const asking = client(undefined, both, 'wrong')
    const answering = server(plainMechanism)
    expect(answering.final(await asking.prove(answering.first(asking.first)))).toBeUndefined()
  })

  it('is refused where the client saw another certificate: somebody stands in between', async () => {
    const asking = client(another)
    const answering = server(boundMechanism, certificate)
    const last = await asking.prove(answering.first(asking.first))
    expect(await refusal(() => answering.final(last))).toBe('28000 SCRAM channel binding check failed: -')
  })

  it('is refused where somebody took the better mechanism out of the offer', async () => {
    const asking = client(certificate, [plainMechanism])
    expect(await refusal(() => server(plainMechanism, certificate).first(asking.first))).toMatch(
      /^28000 SCRAM channel binding negotiation error/,
    )
  })
})

describe('the server’s side', () => {
  it.each([
    ['n,,n=,r=abc', /selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include/],
    ['p=tls-unique,,n=,r=abc', /unsupported SCRAM channel-binding type "tls-unique"/],
    ['p=tls-server-end-point,,n=', /The user name or the nonce is missing/],
  ])('refuses %s where the client has chosen to be tied to the certificate', async (first, words) => {
    expect(await refusal(() => server(boundMechanism, certificate).first(first))).toMatch(words)
  })

  it.each([
    ['is too short', 'AAAA'],
    ['is too long', Buffer.alloc(33).toString('base64')],
    ['is none', ''],
  ])('refuses a proof that %s', async (_, proof) => {
    const answering = server(plainMechanism)
    const nonce = /r=([^,]*)/.exec(answering.first('n,,n=,r=abc'))![1]
    expect(await refusal(() => answering.final(`c=biws,r=${nonce},p=${proof}`))).toBe(
      '08P01 malformed SCRAM message: The proof is malformed.',
    )
  })
})

describe('the client’s side', () => {
  it('knows no other mechanism', async () => {
    expect(await refusal(() => client(undefined, ['SCRAM-SHA-1']))).toMatch(
      /^28000 the server offers only SCRAM-SHA-1/,
    )
  })

  it.each([
    ['does not go on with the client’s nonce', (nonce: string) => `r=x${nonce}y,s=AAAA,i=4096`],
    ['adds nothing to it', (nonce: string) => `r=${nonce},s=AAAA,i=4096`],
    ['gives no salt', (nonce: string) => `r=${nonce}x,i=4096`],
    ['gives no iterations', (nonce: string) => `r=${nonce}x,s=AAAA`],
    ['gives 0 iterations', (nonce: string) => `r=${nonce}x,s=AAAA,i=0`],
    ['gives too many of them', (nonce: string) => `r=${nonce}x,s=AAAA,i=2147483648`],
    ['says something else', () => 'e=other-error'],
  ])('refuses a server that %s', async (_, first) => {
    const asking = client()
    const nonce = /r=(.*)$/.exec(asking.first)![1]!
    expect(await refusal(() => asking.prove(first(nonce)))).toMatch(
      /^08P01 .*its first message makes no sense/,
    )
  })

  it.each(['v=AAAA', 'v=', `v=${Buffer.alloc(32).toString('base64')}`, 'e=invalid-proof'])(
    'refuses a server that does not know the password itself: %s',
    async (last) => {
      const asking = client()
      await asking.prove(server(plainMechanism).first(asking.first))
      expect(await refusal(() => asking.check(last))).toMatch(
        /^08P01 .*does not prove that it knows the password/,
      )
    },
  )
})
