import type { Service } from '../service/service.ts'
import type { Region, World } from '../world/world.ts'
import { type Answered, type Asked, prepare, requests, send } from './requests.ts'

/** A request in one Region, and what was seen of it. */
export interface Seen extends Answered {
  readonly crossings: number
  readonly ms: number
}

/** The same requests to both Regions, one after the other, so that each one's crossings are its own. */
export async function round({ regions, servers }: World, services: readonly Service[]): Promise<Seen[]> {
  const seen: Seen[] = []
  for (const asked of requests) {
    for (const [index, service] of services.entries()) {
      // What others have written is not what this is about.
      await servers.lag.caughtUp()
      const other = services.find((each) => each !== service)!
      seen.push(await watch(regions[index]!, service, asked, other))
    }
  }
  return seen
}

async function watch(region: Region, service: Service, asked: Asked, other: Service): Promise<Seen> {
  const ready = await prepare(asked, other)
  const before = region.crossings()
  const started = performance.now()
  const answered = await send(service, ready)
  const ms = Math.round(performance.now() - started)
  return { ...answered, crossings: region.crossings() - before, ms }
}
