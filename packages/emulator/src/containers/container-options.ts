import { inspect } from 'node:util'
import { EmulatorError } from '../emulator-error.ts'

/** Which image to run a pair of servers from, and how. */
export interface ContainerPairOptions {
  /** Holds PostgreSQL 13 or newer. Default `postgres:16`. Its own entrypoint is not used. */
  readonly image?: string | undefined
  /**
   * The folder of `initdb`, `postgres` and `pg_basebackup` in the image. Default: the image's PATH, else what Debian installs
   * below `/usr/lib/postgresql`.
   */
  readonly pgBin?: string | undefined
  /** The image's user to run the servers as, by name or number; not root. Default `postgres`. */
  readonly user?: string | undefined
  /** Of the superuser `postgres`. Default: a new random one, in the URLs. */
  readonly password?: string | undefined
  /** Hears each step of the start, in words for a person. */
  readonly onProgress?: ((step: string) => void) | undefined
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''

const checks: Readonly<
  Record<keyof ContainerPairOptions, readonly [allowed: string, (value: unknown) => boolean]>
> = {
  image: ['the name of an image, such as postgres:16', isText],
  pgBin: ['the path of a folder in the image', isText],
  user: ['a name or number that the image knows', isText],
  password: ['a text that is not empty', isText],
  onProgress: ['a function', (value) => typeof value === 'function'],
}

/** @throws EmulatorError `EMULATOR_OPTIONS` for an option that does not exist or a value that is not allowed */
export function checkContainerOptions(options: ContainerPairOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const names = Object.keys(checks).join(', ')
      throw new EmulatorError('EMULATOR_OPTIONS', `There is no option '${name}'. Allowed: ${names}.`)
    }
    const [allowed, accepts] = checks[name as keyof ContainerPairOptions]
    if (value === undefined || accepts(value)) continue
    // A password is not for a message.
    const given = name === 'password' ? 'wrong' : inspect(value, { depth: 1, breakLength: Infinity })
    throw new EmulatorError('EMULATOR_OPTIONS', `Option '${name}' is ${given}; allowed: ${allowed}.`)
  }
}
