import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import type { RegionConfig } from '../service/connect.ts'
import { WayToWriter } from './way-to-writer.ts'

/** Between the Regions, there and back. */
export const DISTANCE_MS = 80
/** How much later a reader shows what was committed. */
export const LAG_MS = 300

/** A Region: what its service is told, and what has crossed from there to the writer. */
export interface Region {
  readonly config: RegionConfig
  /** Round trips to the writer so far, by the reader or past it. */
  crossings(): number
}

/** Two Regions before one pair of servers. */
export interface World {
  readonly regions: readonly Region[]
  readonly servers: Pick<ForwardingReader, 'primaryUrl' | 'standbyUrl' | 'lag'>
  /** The Region that the writer is in. */
  writersRegion(): string
  /** The writer moves to the other Region, and so does what is far. */
  switchover(): Promise<void>
  stop(): Promise<void>
}

export async function startWorld(onProgress: (step: string) => void): Promise<World> {
  const eu = await startForwardingReader({ lagMs: LAG_MS, onProgress })
  const us = await eu.addReader({ latencyMs: DISTANCE_MS })
  const firstWriter = eu.primaryUrl
  const writersRegion = (): string => (eu.primaryUrl === firstWriter ? 'eu' : 'us')
  const distanceFrom = (region: string): number => (region === writersRegion() ? 0 : DISTANCE_MS)

  const build = async (name: string, reader: Pick<ForwardingReader, 'readerUrl' | 'crossings'>) => {
    const way = await WayToWriter.open(() => ({ url: eu.primaryUrl, distanceMs: distanceFrom(name) }))
    const writerUrl = new URL(eu.primaryUrl)
    writerUrl.port = String(way.port)
    const config = { name, readerUrl: reader.readerUrl, writerUrl: writerUrl.href }
    return { config, way, crossings: () => reader.crossings().total + way.roundTrips }
  }
  const regions = [await build('eu', eu), await build('us', us)]
  return {
    regions,
    servers: eu,
    writersRegion,
    async switchover() {
      await eu.faults.switchover()
      eu.latency.set(distanceFrom('eu'))
      us.latency.set(distanceFrom('us'))
    },
    async stop() {
      await Promise.all(regions.map(({ way }) => way.stop()))
      await eu.stop()
    },
  }
}
