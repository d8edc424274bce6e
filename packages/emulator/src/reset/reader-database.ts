import type { Crossings } from '../endpoint/crossings.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import type { RefusedStatement } from '../endpoint/refusals.ts'
import type { ServerPair } from '../servers.ts'
import { dropDatabase } from './create-database.ts'
import { ResettableDatabase, type ResetOptions } from './resettable-database.ts'

/** Where a database is reached. */
export interface DatabaseUrls {
  readonly readerUrl: string
  readonly primaryUrl: string
  readonly standbyUrl: string
}

/** A database beside the reader's first one, for a test file or a worker that must not see what others do. */
export interface ReaderDatabase extends DatabaseUrls {
  readonly name: string
  /** What has crossed from sessions in this database, since its last reset. */
  crossings(): Crossings
  /** What sessions in this database were refused, since its last reset. */
  refusals(): readonly RefusedStatement[]
  /** As {@link ForwardingReader.snapshot}, of this database. */
  snapshot(): Promise<void>
  /** Puts this database back and sets its counters to zero; latency, lag and faults are all databases', and stay. */
  reset(options?: ResetOptions): Promise<void>
  /** Drops it on both servers; its sessions are ended. */
  drop(): Promise<void>
}

/** What a database needs of the reader it belongs to. */
interface Whole {
  urls(): DatabaseUrls
  /** Fails where the standby is paused, rather than wait for ever. */
  caughtUp(): Promise<void>
  dropped(): void
}

export function readerDatabase(
  name: string,
  pair: ServerPair,
  endpoint: Endpoint,
  reader: Whole,
): ReaderDatabase {
  const contents = new ResettableDatabase(pair, name, true)
  const at = (url: string): string => {
    const own = new URL(url)
    own.pathname = `/${encodeURIComponent(name)}`
    return own.href
  }
  return {
    name,
    get readerUrl() {
      return at(reader.urls().readerUrl)
    },
    get primaryUrl() {
      return at(reader.urls().primaryUrl)
    },
    get standbyUrl() {
      return at(reader.urls().standbyUrl)
    },
    crossings: () => endpoint.crossings(name),
    refusals: () => endpoint.refusals(name),
    async snapshot() {
      await reader.caughtUp()
      await contents.snapshot()
    },
    async reset(options) {
      await reader.caughtUp()
      await contents.reset(options)
      endpoint.resetCounters(name)
    },
    async drop() {
      await dropDatabase(pair, name)
      reader.dropped()
    },
  }
}
