import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { Backend } from '../backend/backend.ts'
import type { Session } from '../session/session.ts'
import type { CancelKey } from '../wire/startup-packet.ts'

/** As long as PostgreSQL's own: 4 bytes up to protocol 3.1, 32 from 3.2 on. */
const secretLength = (minor: number): number => (minor >= 2 ? 32 : 4)

/** The sessions that are open, by the key that cancels them. */
export class SessionList {
  #sessions = new Map<number, { readonly secret: Buffer; readonly session: Session }>()

  /** @param minor of the protocol that the client speaks. */
  newKey(minor: number): CancelKey {
    let pid = 0
    do pid = randomInt(1, 2 ** 31 - 1)
    while (this.#sessions.has(pid))
    return { pid, secret: randomBytes(secretLength(minor)) }
  }

  get count(): number {
    return this.#sessions.size
  }

  add({ pid, secret }: CancelKey, session: Session): void {
    this.#sessions.set(pid, { secret, session })
  }

  remove({ pid }: CancelKey): void {
    this.#sessions.delete(pid)
  }

  /** A wrong key is ignored, as PostgreSQL does. */
  async cancel({ pid, secret }: CancelKey): Promise<void> {
    const found = this.#sessions.get(pid)
    if (found?.secret.length !== secret.length || !timingSafeEqual(found.secret, secret)) return
    await found.session.cancel()
  }

  /** @param which those whose server on the reader's side is such; default all. */
  endAll(lastWords: Buffer, which: (standby: Backend) => boolean = () => true): void {
    for (const { session } of this.#sessions.values()) if (which(session.standby)) session.end(lastWords)
  }
}
