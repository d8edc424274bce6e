import type { AddedReader, AddedReaderOptions } from './added-readers.ts'
import type { Crossings } from './endpoint/crossings.ts'
import type { EndpointStatus } from './endpoint/endpoint.ts'
import type { RefusedStatement } from './endpoint/refusals.ts'
import type { Faults } from './faults/faults.ts'
import type { DatabaseUrls, ReaderDatabase } from './reset/reader-database.ts'
import type { ResetOptions } from './reset/resettable-database.ts'

/** A reader at one moment. */
export interface ReaderStatus extends EndpointStatus {
  /** How much later the standby is to show a commit, in milliseconds. */
  readonly lagMs: number
  readonly lagPaused: boolean
}

/** A running primary, its standby, and the reader endpoint in front of both. */
export interface ForwardingReader extends DatabaseUrls {
  /** Where the application connects: reads run on the standby, writes are forwarded to the primary. */
  readonly readerUrl: string
  /** The primary itself, as on Aurora the writer endpoint; after a switchover, the server that is the primary then. */
  readonly primaryUrl: string
  /** The standby itself: a plain reader that forwards nothing. */
  readonly standbyUrl: string
  /** What has crossed from the reader to the primary since the start or the last {@link ForwardingReader.reset}, in all databases. */
  crossings(): Crossings
  /** What the reader has refused since the start or the last {@link ForwardingReader.reset}. */
  refusals(): readonly RefusedStatement[]
  /** How things are now; cheap enough to be asked several times a second. */
  status(): ReaderStatus
  readonly latency: {
    /**
     * Adds `ms` milliseconds to each crossing from now on.
     *
     * @throws EmulatorError `EMULATOR_OPTIONS` for anything but a number from 0 to 60000
     */
    set(ms: number): void
  }
  /** How far the standby is behind. Each change is in force when its promise resolves. */
  readonly lag: {
    /**
     * Shows each commit on the standby no earlier than `ms` milliseconds after it was made on the primary.
     *
     * @throws EmulatorError `EMULATOR_OPTIONS` for anything but a whole number from 0 to 60000
     */
    set(ms: number): Promise<void>
    /** The standby shows nothing new until {@link ForwardingReader.lag | lag}`.resume()`. */
    pause(): Promise<void>
    /** The standby goes on, with the delay that was set; harmless if it was not paused. */
    resume(): Promise<void>
    /**
     * Resolves when the standby shows all that the primary has committed by now.
     *
     * @throws EmulatorError `EMULATOR_LAG` while the standby is paused
     */
    caughtUp(): Promise<void>
  }
  /** Faults on demand. */
  readonly faults: Faults
  /**
   * Remembers what the database holds now, usually right after migrations; {@link ForwardingReader.reset} goes back to it.
   * It is kept in this process's memory: meant for a schema and the rows that every test begins with.
   *
   * @throws EmulatorError `EMULATOR_ATTACH` on servers that ran already, unless option `allowReset` is true
   */
  snapshot(): Promise<void>
  /**
   * Puts the database back as it was at the last {@link ForwardingReader.snapshot}, in milliseconds, or empties it if there
   * was none; visible on both servers when it resolves. Counters go to zero, latency and lag to what they were at the start, faults are taken back. Idle
   * connections, roles and other databases stay; a session that holds a lock on a table is ended.
   *
   * @throws EmulatorError `EMULATOR_ATTACH` on servers that ran already, unless option `allowReset` is true;
   * `EMULATOR_RESET` if the schema was changed since the snapshot, other than by adding to it
   */
  reset(options?: ResetOptions): Promise<void>
  /**
   * A database of its own, for a worker or a test file, with its own counters. Called again with the same name it gives the
   * same one.
   *
   * @param options `from`: the database to copy, in which nobody may be connected; default: an empty one
   * @throws EmulatorError `EMULATOR_RESET` if it cannot be made
   */
  database(name: string, options?: { readonly from?: string | undefined }): Promise<ReaderDatabase>
  /**
   * Starts another reader before the same servers, as in another Region, with a latency and counters of its own. Lag and databases are the
   * servers', and so both readers'; so are faults that restart or exchange servers. Other faults strike the first reader alone.
   *
   * @throws EmulatorError `EMULATOR_OPTIONS` for a wrong option, or one that is not a reader's own; `EMULATOR_PORT_IN_USE`
   */
  addReader(options?: AddedReaderOptions): Promise<AddedReader>
  /**
   * Ends the endpoint's sessions, those of added readers, then both servers, and removes their data; servers that ran already go on. Safe to call
   * twice.
   *
   * @throws EmulatorError `EMULATOR_STOP` if something is left
   */
  stop(): Promise<void>
}
