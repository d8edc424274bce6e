import { inspect } from 'node:util'
import { resolveProfile, type AwsProfile } from '@knex-flatten/sql-support'
import { EmulatorError } from './emulator-error.ts'
import type { ForwardingReaderOptions } from './options.ts'
import { postgresMajors } from './postgres/npm-versions.ts'

export const consistencies = ['session'] as const

/** What is wrong with a value; undefined if nothing is. */
type Check = (value: unknown) => string | undefined

const allow =
  (allowed: string, accepts: (value: unknown) => boolean): Check =>
  (value) =>
    accepts(value) ? undefined : `is ${show(value)}; allowed: ${allowed}`

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNumber = (value: unknown, most: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= most

const optionChecks: Readonly<Record<keyof ForwardingReaderOptions, Check>> = {
  pgBin: allow('the path of a folder with initdb and postgres', isText),
  postgres: allow(postgresMajors.join(', '), (value) => postgresMajors.some((known) => known === value)),
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
  assumptions: allow('an object of values by the ids of assumptions', isObject),
  consistency: allow(`'session' (others are not built yet)`, (value) =>
    consistencies.some((known) => known === value),
  ),
  latencyMs: allow('a number of milliseconds from 0 to 60000', (value) => isNumber(value, 60_000)),
  onProgress: allow('a function', (value) => typeof value === 'function'),
}

/**
 * Checks every option that is given.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS` for an option that does not exist or a value that is not allowed
 */
export function checkOptions(options: ForwardingReaderOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(optionChecks, name)) {
      const names = Object.keys(optionChecks).join(', ')
      throw new EmulatorError('EMULATOR_OPTIONS', `There is no option '${name}'. Allowed: ${names}.`)
    }
    if (value !== undefined) checkValue(name as keyof ForwardingReaderOptions, value)
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
  const complaint = optionChecks[name](value)
  if (complaint !== undefined)
    throw new EmulatorError('EMULATOR_OPTIONS', `Option '${calledAs}' ${complaint}.`)
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : inspect(value, { depth: 1, breakLength: Infinity })
}
