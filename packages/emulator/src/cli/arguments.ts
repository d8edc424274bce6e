import type { AwsProfile } from '@knex-flatten/sql-support'
import { assume } from '../assumptions/assumptions.ts'
import { checkTogether, checkValue } from '../option-checks.ts'
import type { ForwardingReaderOptions } from '../options.ts'
import type { PostgresMajor } from '../postgres/npm-versions.ts'
import { parseConformance, type ConformanceCommand } from './conformance-arguments.ts'
import { parseDuration } from './duration.ts'
import { readChoices, readFlags } from './read-flags.ts'
import { readLogin, readTls } from './login-flags.ts'

/** What the command line asks for. */
export type Command =
  | { readonly run: 'help' }
  | { readonly run: 'version' }
  | ConformanceCommand
  | {
      readonly run: 'assumptions'
      readonly json: boolean
      readonly profile: AwsProfile
      readonly chosen: Readonly<Record<string, string>>
    }
  | {
      readonly run: 'start'
      readonly json: boolean
      readonly color: boolean
      readonly options: ForwardingReaderOptions
    }

const flags = {
  port: { type: 'string', short: 'p' },
  host: { type: 'string' },
  latency: { type: 'string' },
  'max-forwarding-percent': { type: 'string' },
  profile: { type: 'string' },
  assume: { type: 'string', multiple: true },
  lag: { type: 'string' },
  consistency: { type: 'string' },
  postgres: { type: 'string' },
  'pg-bin': { type: 'string' },
  primary: { type: 'string' },
  standby: { type: 'string' },
  'allow-reset': { type: 'boolean' },
  user: { type: 'string' },
  password: { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-required': { type: 'boolean' },
  assumptions: { type: 'boolean' },
  json: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** @throws EmulatorError `EMULATOR_OPTIONS` that names the option and what is allowed */
export function parseArguments(args: readonly string[]): Command {
  if (args[0] === 'conformance') return parseConformance(args.slice(1))
  const values = readFlags(args, flags)
  if (values.help === true) return { run: 'help' }
  if (values.version === true) return { run: 'version' }
  const options = {
    host: values.host,
    port: values.port === undefined ? undefined : wholeNumber(values.port),
    latencyMs: values.latency === undefined ? undefined : parseDuration('--latency', values.latency),
    maxForwardingConnectionsPercent:
      values['max-forwarding-percent'] === undefined
        ? undefined
        : wholeNumber(values['max-forwarding-percent']),
    assumptions: values.assume && readChoices(values.assume),
    profile: values.profile as ForwardingReaderOptions['profile'],
    lagMs: values.lag === undefined ? undefined : parseDuration('--lag', values.lag),
    consistency: values.consistency as ForwardingReaderOptions['consistency'],
    postgres: values.postgres === undefined ? undefined : (wholeNumber(values.postgres) as PostgresMajor),
    pgBin: values['pg-bin'],
    primaryUrl: values.primary,
    standbyUrl: values.standby,
    allowReset: values['allow-reset'],
    auth: readLogin(values.user, values.password),
    tls: readTls(values['tls-key'], values['tls-cert'], values['tls-required']),
  }
  for (const [name, flag] of optionFlags) {
    // A complaint names the option as it was typed.
    if (options[name] !== undefined) checkValue(name, options[name], flag)
  }
  const { profile = 'aws-local', assumptions = {} } = options
  assume(profile, assumptions)
  if (values.assumptions === true) {
    return {
      run: 'assumptions',
      json: values.json === true,
      profile: profile as AwsProfile,
      chosen: assumptions,
    }
  }
  checkTogether(options, (name) => optionFlags.find(([option]) => option === name)?.[1] ?? name)
  return { run: 'start', json: values.json === true, color: values['no-color'] !== true, options }
}

const optionFlags = [
  ['host', '--host'],
  ['port', '--port'],
  ['latencyMs', '--latency'],
  ['maxForwardingConnectionsPercent', '--max-forwarding-percent'],
  ['profile', '--profile'],
  ['lagMs', '--lag'],
  ['consistency', '--consistency'],
  ['postgres', '--postgres'],
  ['pgBin', '--pg-bin'],
  ['primaryUrl', '--primary'],
  ['standbyUrl', '--standby'],
  ['allowReset', '--allow-reset'],
  ['auth', '--user'],
  ['tls', '--tls-key'],
] as const

/** What is no number fails the check of the option's range, with the text as it was typed. */
function wholeNumber(typed: string): number {
  return /^\d+$/.test(typed) ? Number(typed) : (typed as unknown as number)
}
