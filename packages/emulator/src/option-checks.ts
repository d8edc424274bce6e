import { inspect } from 'node:util'
import { resolveProfile, type AwsProfile } from '@knex-flatten/sql-support'
import { readServerUrl } from './attach/server-url.ts'
import { EmulatorError } from './emulator-error.ts'
import { certificate, credentials } from './login-checks.ts'
import type { ForwardingReaderOptions } from './options.ts'
import { consistencyModes, isConsistencyMode } from './settings/forward-settings.ts'
import { postgresMajors } from './postgres/npm-versions.ts'

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

const serverUrl: Check = (value) => {
  try {
    readServerUrl(String(value))
    return undefined
  } catch (error) {
    const allowed = 'a URL such as postgres://user:password@host:5432/database?sslmode=require'
    return `${(error as Error).message}; allowed: ${allowed}`
  }
}

const optionChecks: Readonly<Record<keyof ForwardingReaderOptions, Check>> = {
  pgBin: allow('the path of a folder with initdb and postgres', isText),
  postgres: allow(postgresMajors.join(', '), (value) => postgresMajors.some((known) => known === value)),
  primaryUrl: serverUrl,
  standbyUrl: serverUrl,
  allowReset: allow('true or false', (value) => typeof value === 'boolean'),
  auth: credentials,
  tls: certificate,
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
  consistency: allow(
    consistencyModes.map((mode) => `'${mode}'`).join(', '),
    (value) => typeof value === 'string' && isConsistencyMode(value),
  ),
  lagMs: allow(
    'a whole number of milliseconds from 0 to 60000',
    (value) => isNumber(value, 60_000) && Number.isInteger(value),
  ),
  maxForwardingConnectionsPercent: allow(
    'a whole number from 1 to 100',
    (value) => isNumber(value, 100) && value >= 1 && Number.isInteger(value),
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
  checkNames(options, Object.keys(optionChecks))
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) checkValue(name as keyof ForwardingReaderOptions, value)
  }
  checkTogether(options)
}

/** @throws EmulatorError `EMULATOR_OPTIONS` for an option that is not among these */
export function checkNames(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown === undefined) return
  const what = `There is no option '${unknown}'. Allowed: ${names.join(', ')}.`
  throw new EmulatorError('EMULATOR_OPTIONS', what)
}

const ownOnly = ['pgBin', 'postgres', 'auth'] as const

/**
 * Refuses options that say different things of the same servers.
 *
 * @param call how the user wrote an option's name
 * @throws EmulatorError `EMULATOR_OPTIONS`
 */
export function checkTogether(
  options: ForwardingReaderOptions,
  call: (name: keyof ForwardingReaderOptions) => string = (name) => name,
): void {
  const { primaryUrl, standbyUrl } = options
  const fail = (what: string): never => {
    throw new EmulatorError('EMULATOR_OPTIONS', what)
  }
  const [primary, standby] = [call('primaryUrl'), call('standbyUrl')]
  if (primaryUrl === undefined && standbyUrl !== undefined)
    fail(`Option '${standby}' needs '${primary}' beside it.`)
  if (primaryUrl !== undefined && standbyUrl === undefined)
    fail(`Option '${primary}' needs '${standby}' beside it.`)
  if (primaryUrl === undefined) {
    if (options.allowReset !== undefined)
      fail(`Option '${call('allowReset')}' is for servers that run already, with '${primary}'.`)
    return
  }
  const own = ownOnly.find((name) => options[name] !== undefined)
  if (own === undefined) return
  fail(
    `Option '${call(own)}' says which servers to start, '${primary}' that they run already: leave one of the two out.`,
  )
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
