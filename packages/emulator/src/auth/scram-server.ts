import { timingSafeEqual } from 'node:crypto'
import { LoginRefused } from './login-refused.ts'
import {
  attributes,
  boundMechanism,
  channelBinding,
  hmac,
  nonce,
  sha256,
  xor,
  type Verifier,
} from './scram.ts'

/** What the server's side of an exchange knows before it begins. */
export interface ScramOffer {
  readonly verifier: Verifier
  /** The hash of our certificate, where the connection is encrypted and the exchange can be tied to it. */
  readonly binding: Buffer | undefined
}

const printable = /^[\x21-\x2b\x2d-\x7e]+$/

/**
 * The server's side of one SCRAM-SHA-256 exchange: two messages in, two out.
 *
 * Each throws LoginRefused with PostgreSQL's words where the client breaks the rules; a wrong proof is no such breach.
 */
export class ScramServer {
  #offer: ScramOffer
  #bound: boolean
  #gs2Header = ''
  #clientFirst = ''
  #serverFirst = ''
  #nonce = ''

  /** @param mechanism the one that the client has chosen. */
  constructor(mechanism: string, offer: ScramOffer) {
    this.#bound = mechanism === boundMechanism
    this.#offer = offer
  }

  /** Takes the client's first message. @returns ours: nonce, salt and iterations. */
  first(message: string): string {
    const parts = /^([^,]*),([^,]*),(.*)$/s.exec(message)
    if (!parts) throw malformed('The message has no GS2 header.')
    const [, flag, authorization, bare] = parts as unknown as [string, string, string, string]
    this.#checkFlag(flag)
    if (authorization !== '') {
      throw new LoginRefused('0A000', 'client uses authorization identity, but it is not supported')
    }
    if (bare.startsWith('m=')) {
      throw new LoginRefused('0A000', 'client requires an unsupported SCRAM extension')
    }
    // The name is the startup packet's; what stands here is ignored.
    const theirs = /^n=[^,]*,r=([^,]*)/.exec(bare)?.[1]
    if (theirs === undefined) throw malformed('The user name or the nonce is missing.')
    if (!printable.test(theirs)) throw new LoginRefused('08P01', 'non-printable characters in SCRAM nonce')
    const { salt, iterations } = this.#offer.verifier
    this.#gs2Header = `${flag},,`
    this.#clientFirst = bare
    this.#nonce = theirs + nonce()
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`
    return this.#serverFirst
  }

  /** Takes the client's last message. @returns ours, which proves that we know the password too; undefined if the client does not. */
  final(message: string): string | undefined {
    const proofAt = message.lastIndexOf(',p=')
    const withoutProof = message.slice(0, Math.max(proofAt, 0))
    const said = attributes(withoutProof)
    if (proofAt < 0 || !said || !message.startsWith('c=')) throw malformed('The proof is missing.')
    this.#checkBinding(said.get('c') ?? '')
    if (said.get('r') !== this.#nonce) {
      throw new LoginRefused('08P01', 'invalid SCRAM response', 'Nonce does not match.')
    }
    const proof = Buffer.from(message.slice(proofAt + 3), 'base64')
    const { storedKey, serverKey } = this.#offer.verifier
    if (proof.length !== storedKey.length) throw malformed('The proof is malformed.')
    const exchange = `${this.#clientFirst},${this.#serverFirst},${withoutProof}`
    const clientKey = xor(proof, hmac(storedKey, exchange))
    if (!timingSafeEqual(sha256(clientKey), storedKey)) return undefined
    return `v=${hmac(serverKey, exchange).toString('base64')}`
  }

  #checkFlag(flag: string): void {
    if (flag === 'n' || flag === 'y') {
      if (this.#bound) {
        throw malformed(
          'The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.',
        )
      }
      if (flag === 'y' && this.#offer.binding) {
        throw new LoginRefused(
          '28000',
          'SCRAM channel binding negotiation error',
          'The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.',
        )
      }
      return
    }
    if (!flag.startsWith('p=')) throw malformed(`Unexpected channel-binding flag "${flag.slice(0, 20)}".`)
    if (!this.#bound) {
      throw malformed(
        'The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.',
      )
    }
    if (flag !== `p=${channelBinding}`) {
      throw new LoginRefused('08P01', `unsupported SCRAM channel-binding type "${flag.slice(2, 42)}"`)
    }
  }

  #checkBinding(said: string): void {
    const { binding } = this.#offer
    const expected = Buffer.concat([
      Buffer.from(this.#gs2Header),
      ...(this.#bound && binding ? [binding] : []),
    ])
    if (said === expected.toString('base64')) return
    throw this.#bound
      ? new LoginRefused('28000', 'SCRAM channel binding check failed')
      : new LoginRefused('08P01', 'unexpected SCRAM channel-binding attribute in client-final-message')
  }
}

function malformed(detail: string): LoginRefused {
  return new LoginRefused('08P01', 'malformed SCRAM message', detail)
}
