import type { Crossings } from './endpoint/crossings.ts'
import type { RefusedStatement } from './endpoint/refusals.ts'
import { checkNames } from './option-checks.ts'
import { type OpenReader, openReader, type ReaderBehaviour } from './open-reader.ts'
import { type ForwardingReaderOptions, readOptions } from './options.ts'
import type { ServerPair } from './servers.ts'

const names = [
  'host',
  'port',
  'tls',
  'profile',
  'assumptions',
  'latencyMs',
  'maxForwardingConnectionsPercent',
] as const satisfies readonly (keyof ForwardingReaderOptions)[]

/** How a reader behaves that stands beside the first one. Everything has the default that it has there. */
export type AddedReaderOptions = Pick<ForwardingReaderOptions, (typeof names)[number]>

/** A reader that stands before the same primary and the same standby as the first one, which it shows as late as that one. */
export interface AddedReader {
  readonly readerUrl: string
  /** What has crossed from this reader to the primary since its start or the last reset. */
  crossings(): Crossings
  /** What this reader has refused since its start or the last reset. */
  refusals(): readonly RefusedStatement[]
  readonly latency: {
    /** Adds `ms` milliseconds to each crossing of this reader from now on. @throws EmulatorError `EMULATOR_OPTIONS` */
    set(ms: number): void
  }
  /** Ends its sessions; the others go on. Safe to call twice. */
  stop(): Promise<void>
}

/** The readers that have been added to the first one, and end with it. */
export class AddedReaders {
  readonly #servers: ServerPair
  readonly #consistency: ReaderBehaviour['consistency']
  readonly #open = new Set<OpenReader>()

  constructor(servers: ServerPair, consistency: ReaderBehaviour['consistency']) {
    this.#servers = servers
    this.#consistency = consistency
  }

  /** @throws EmulatorError for an option that is not a reader's own, or an address that is taken */
  async add(options: AddedReaderOptions): Promise<AddedReader> {
    checkNames(options, names)
    const { host, port, tls, profile, assumptions, latencyMs, maxForwardingConnectionsPercent } =
      readOptions(options)
    const open = await openReader(this.#servers, {
      ...{ host, port, tls, profile, assumptions, latencyMs, maxForwardingConnectionsPercent },
      consistency: this.#consistency,
    })
    this.#open.add(open)
    const { endpoint, readerUrl, latency } = open
    return {
      readerUrl,
      latency,
      crossings: () => endpoint.crossings(),
      refusals: () => endpoint.refusals(),
      stop: () => {
        this.#open.delete(open)
        return endpoint.stop()
      },
    }
  }

  /** Counters to zero, latency back to where it began. */
  reset(): void {
    for (const { endpoint } of this.#open) endpoint.reset()
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open].map(({ endpoint }) => endpoint.stop()))
  }
}
