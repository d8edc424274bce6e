import { setTimeout as delay } from 'node:timers/promises'
import { requests } from './requests.ts'
import type { Request, Stand } from './shop.ts'

/** One of many that use the instance at once: request after request until time is over. */
export class Client {
  /** What it is at, and since when. */
  doing: { readonly kind: string; readonly since: number } | undefined

  /** @param thinkMs - the longest pause between two requests in a lull, when the pool has connections to spare; in a rush there is none. */
  async run(stand: Stand, thinkMs: number, over: AbortSignal): Promise<void> {
    const { figures } = stand
    while (!over.aborted) {
      const [kind, request] = drawn()
      const since = performance.now()
      this.doing = { kind, since }
      await request(stand).catch((error: unknown) => figures.failed(kind, error))
      figures.done(kind, performance.now() - since)
      this.doing = undefined
      const isRush = Math.floor(figures.seconds / TURN_SECONDS) % 2 === 1
      const pauseMs = isRush ? 0 : Math.random() * thinkMs
      await delay(pauseMs, undefined, { signal: over }).catch(() => undefined)
    }
  }
}

/** Lull and rush take turns. */
const TURN_SECONDS = 20

const kinds = Object.entries(requests)
const shares = kinds.reduce((sum, [, [share]]) => sum + share, 0)

function drawn(): readonly [kind: string, request: Request] {
  let left = Math.random() * shares
  for (const [kind, [share, request]] of kinds) {
    left -= share
    if (left < 0) return [kind, request]
  }
  return drawn()
}
