import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { Figures } from './figures.ts'
import { type Ledger, wrongs } from './ledger.ts'
import type { Servers } from './servers.ts'

/** What takes longer than that will not end any more. */
export const HANG_MS = 120_000

const EVERY_MS = 5_000

interface Watched {
  readonly clients: readonly Client[]
  readonly ledger: Ledger
  readonly figures: Figures
  readonly servers: Servers
}

/** Looks at what the clients were told, and at how long they have been at it, while they run; shows how things are. */
export async function watch(
  { clients, ledger, figures, servers }: Watched,
  over: AbortSignal,
): Promise<void> {
  const unchecked: ReturnType<Ledger['newlySettled']>[number][] = []
  const hanging = new Set<object>()
  while (!over.aborted) {
    await delay(EVERY_MS, undefined, { signal: over }).catch(() => undefined)
    unchecked.push(...ledger.newlySettled())
    // A primary that is away is asked the next time.
    const stored = await servers.stored(unchecked.map(({ id }) => id)).catch(() => undefined)
    if (stored) wrongs(unchecked.splice(0), stored).forEach((wrong) => figures.violation(wrong))
    const now = performance.now()
    const longest = Math.max(0, ...clients.map(({ doing }) => (doing ? now - doing.since : 0)))
    for (const { doing } of clients) {
      if (!doing || now - doing.since < HANG_MS || hanging.has(doing)) continue
      hanging.add(doing)
      figures.violation(`a client has been at ${doing.kind} for ${Math.round(now - doing.since)} ms`)
    }
    console.log(progress(ledger, figures, longest))
  }
}

function progress(ledger: Ledger, figures: Figures, longestMs: number): string {
  const told = ledger.counts()
  return [
    `${figures.seconds.toFixed(0).padStart(4)} s`,
    `${figures.requests} requests`,
    `${told.acknowledged} acknowledged`,
    `${told['rolled back']} rolled back`,
    `${told.unknown} unknown`,
    `${figures.counted('retried')} retried`,
    `${figures.failures} failed`,
    `${figures.counted('restarts')} restarts`,
    `longest ${(longestMs / 1000).toFixed(1)} s`,
  ].join('  ')
}
