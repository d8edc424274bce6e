import { randomBytes } from 'node:crypto'
import { mockVerifier, verifierOf, type Verifier } from './scram.ts'

/** The one user who may log in at an endpoint. */
export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Knows what proves a password, and does not let on whose it knows. */
export class Authority {
  #user: string
  #verifier: Verifier
  #mockSecret = randomBytes(32)

  private constructor(user: string, verifier: Verifier) {
    this.#user = user
    this.#verifier = verifier
  }

  static async of({ user, password }: Credentials): Promise<Authority> {
    return new Authority(user, await verifierOf(password))
  }

  verifier(user: string): Verifier {
    return user === this.#user ? this.#verifier : mockVerifier(user, this.#mockSecret)
  }
}
