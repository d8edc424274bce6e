import { inspect } from 'node:util'
import { resolveProfile, type AwsProfile, type ForwardingProfile } from '@knex-flatten/sql-support'
import { EmulatorError } from './emulator-error.ts'

const consistencies = ['session'] as const

/** What a read waits for; the modes of `apg_write_forward.consistency_mode` that are built. */
export type ReaderConsistency = (typeof consistencies)[number]

/** How to start a forwarding reader. Everything has a default. */
export interface ForwardingReaderOptions {
  /** The `bin` folder of an installed PostgreSQL, 13 or newer. Default: PostgreSQL 16 from the npm package for this machine. */
  readonly pgBin?: string | undefined
  /** Where the reader listens. Default `127.0.0.1`. Everybody who reaches it is let in. */
  readonly host?: string | undefined
  /** Default 0: the system chooses one that is free. */
  readonly port?: number | undefined
  /** What is forwarded and what is refused: as on one of AWS's two kinds of reader, or as you have measured. Default `aws-local`. */
  readonly profile?: AwsProfile | ForwardingProfile | undefined
  /** Default `session`, as on Aurora: a session sees its own writes. */
  readonly consistency?: ReaderConsistency | undefined
  /** Milliseconds added to each crossing from the reader to the primary. Default 0. */
  readonly latencyMs?: number | undefined
  /** Hears each step of the start, in words for a person, and later if a server ends by itself. */
  readonly onProgress?: ((step: string) => void) | undefined
}

/** The options with their defaults filled in. */
export interface ReaderSettings {
  readonly pgBin: string | undefined
  readonly host: string
  readonly port: number
  readonly profile: AwsProfile | ForwardingProfile
  readonly consistency: ReaderConsistency
  readonly latencyMs: number
  readonly onProgress: (step: string) => void
}

/** What is wrong with a value; undefined if nothing is. */
type Check = (value: unknown) => string | undefined

const allow =
  (allowed: string, accepts: (value: unknown) => boolean): Check =>
  (value) =>
    accepts(value) ? undefined : `is ${show(value)}; allowed: ${allowed}`

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''

const isNumber = (value: unknown, most: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= most

const checks: Readonly<Record<keyof ForwardingReaderOptions, Check>> = {
  pgBin: allow('the path of a folder with initdb and postgres', isText),
  host: allow('a host name or an address of this machine', isText),
  port: allow(
    'a whole number from 0 to 65535 (0: the system chooses)',
    (value) => isNumber(value, 65_535) && Number.isInteger(value),
  ),
  profile: (value) => {
    try {
      resolveProfile(value as AwsProfile)
      return undefined
    } catch (error) {
      if (typeof value === 'string') {
        return `is ${show(value)}; allowed: 'aws-local' or 'aws-global', or a profile of your own`
      }
      return `is refused: ${(error as Error).message}`
    }
  },
  consistency: allow(`'session' (others are not built yet)`, (value) =>
    consistencies.some((known) => known === value),
  ),
  latencyMs: allow('a number of milliseconds from 0 to 60000', (value) => isNumber(value, 60_000)),
  onProgress: allow('a function', (value) => typeof value === 'function'),
}

/**
 * Fills in the defaults.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS` for an option that does not exist or a value that is not allowed
 */
export function readOptions(options: ForwardingReaderOptions): ReaderSettings {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const names = Object.keys(checks).join(', ')
      throw new EmulatorError('EMULATOR_OPTIONS', `There is no option '${name}'. Allowed: ${names}.`)
    }
    if (value !== undefined) checkValue(name as keyof ForwardingReaderOptions, value)
  }
  return {
    pgBin: options.pgBin,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    profile: options.profile ?? 'aws-local',
    consistency: options.consistency ?? 'session',
    latencyMs: options.latencyMs ?? 0,
    onProgress: options.onProgress ?? (() => undefined),
  }
}

/**
 * @param calledAs how the user wrote the option's name
 * @throws EmulatorError `EMULATOR_OPTIONS` with the option's name, the value and what is allowed
 */
export function checkValue(
  name: keyof ForwardingReaderOptions,
  value: unknown,
  calledAs: string = name,
): void {
  const complaint = checks[name](value)
  if (complaint !== undefined)
    throw new EmulatorError('EMULATOR_OPTIONS', `Option '${calledAs}' ${complaint}.`)
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : inspect(value, { depth: 1, breakLength: Infinity })
}
