import { timingSafeEqual } from 'node:crypto'
import { LoginRefused } from './login-refused.ts'
import {
  attributes,
  boundMechanism,
  channelBinding,
  hmac,
  keysOf,
  nonce,
  plainMechanism,
  sha256,
  xor,
} from './scram.ts'

/** The client's side of one SCRAM-SHA-256 exchange: two messages out, and the server's proof checked. */
export class ScramClient {
  readonly mechanism: string
  /** Our first message. */
  readonly first: string
  #password: string
  #bound: Buffer
  #nonce = nonce()
  #serverSignature: Buffer | undefined

  /**
   * @param encrypted the connection is, so that a server which offers no binding would be one that somebody changed.
   * @param binding the hash of the server's certificate, where there is one to be tied to.
   * @throws LoginRefused if the server offers nothing that we know.
   */
  constructor(
    offered: readonly string[],
    password: string,
    { encrypted, binding }: { encrypted: boolean; binding: Buffer | undefined },
  ) {
    const bound = binding !== undefined && offered.includes(boundMechanism)
    this.mechanism = bound ? boundMechanism : plainMechanism
    if (!offered.includes(this.mechanism)) {
      throw new LoginRefused(
        '28000',
        `the server offers only ${offered.join(', ')} to log in with, and the reader knows ${plainMechanism}`,
      )
    }
    const couldBind = encrypted && binding !== undefined
    const header = `${bound ? `p=${channelBinding}` : couldBind ? 'y' : 'n'},,`
    this.#password = password
    this.#bound = Buffer.concat([Buffer.from(header), ...(bound ? [binding] : [])])
    this.first = `${header}n=,r=${this.#nonce}`
  }

  /** Takes the server's first message. @returns our last one, which proves that we know the password. */
  async prove(serverFirst: string): Promise<string> {
    const said = attributes(serverFirst)
    const [theirs, salt, iterations] = [said?.get('r') ?? '', said?.get('s') ?? '', Number(said?.get('i'))]
    const extended = theirs.startsWith(this.#nonce) && theirs.length > this.#nonce.length
    if (
      !extended ||
      salt === '' ||
      !Number.isInteger(iterations) ||
      iterations < 1 ||
      iterations > 0x7fffffff
    ) {
      throw broken('its first message makes no sense')
    }
    const { clientKey, serverKey } = await keysOf(this.#password, Buffer.from(salt, 'base64'), iterations)
    const withoutProof = `c=${this.#bound.toString('base64')},r=${theirs}`
    const exchange = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`
    this.#serverSignature = hmac(serverKey, exchange)
    return `${withoutProof},p=${xor(clientKey, hmac(sha256(clientKey), exchange)).toString('base64')}`
  }

  /** Takes the server's last message. @throws LoginRefused if it does not know the password itself. */
  check(serverFinal: string): void {
    const signature = Buffer.from(attributes(serverFinal)?.get('v') ?? '', 'base64')
    const expected = this.#serverSignature
    if (expected?.length === signature.length && timingSafeEqual(signature, expected)) return
    throw broken('it does not prove that it knows the password')
  }
}

function broken(how: string): LoginRefused {
  return new LoginRefused('08P01', `the server breaks the rules of SCRAM: ${how}`)
}
