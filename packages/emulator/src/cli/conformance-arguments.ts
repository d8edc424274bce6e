import type { AwsProfile } from '@knex-flatten/sql-support'
import { assume } from '../assumptions/assumptions.ts'
import type { ConformanceCase } from '../conformance/case.ts'
import { conformanceCases } from '../conformance/cases.ts'
import { EmulatorError } from '../emulator-error.ts'
import { checkValue } from '../option-checks.ts'
import { readChoices, readFlags } from './read-flags.ts'

/** `forwarding-reader conformance`, as it was asked for. */
export type ConformanceCommand =
  | { readonly run: 'conformance-help' }
  | {
      readonly run: 'conformance'
      readonly readerUrl: string
      readonly writerUrl: string
      readonly cases: readonly ConformanceCase[]
      readonly json: boolean
    }

const flags = {
  reader: { type: 'string' },
  writer: { type: 'string' },
  profile: { type: 'string' },
  assume: { type: 'string', multiple: true },
  case: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const conformanceHelp = `Replays what a forwarding reader is expected to do on any reader and its writer, and tells the differences.

Usage: forwarding-reader conformance --reader <url> --writer <url> [options]

      --reader <url>        the reader: postgres://user:password@host:5432/database?sslmode=require
      --writer <url>        its writer, where the user may create schemas, functions and tables
      --profile <name>      what is expected: aws-local (default) or aws-global
      --assume <id=value>   expect something else where nobody has published it; may be repeated
      --case <id>           replay only this case; may be repeated
      --json                print the results as JSON
  -h, --help                show this

Whatever is created stands in a schema of each case's own, and is dropped again.
Exit code: 0 without differences, 1 with differences, 2 where it could not be replayed.
`

/** @throws EmulatorError `EMULATOR_OPTIONS` that names the option and what is allowed */
export function parseConformance(args: readonly string[]): ConformanceCommand {
  const { reader, writer, profile = 'aws-local', help, json, ...values } = readFlags(args, flags)
  if (help === true) return { run: 'conformance-help' }
  checkValue('profile', profile, '--profile')
  const assumptions = readChoices(values.assume ?? [])
  assume(profile as AwsProfile, assumptions)
  const all = conformanceCases(profile as AwsProfile, assumptions)
  return {
    run: 'conformance',
    readerUrl: needed('--reader', reader),
    writerUrl: needed('--writer', writer),
    cases: values.case ? values.case.map((id) => find(all, id)) : all,
    json: json === true,
  }
}

function needed(option: string, value: string | undefined): string {
  if (value !== undefined && URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol))
    return value
  throw new EmulatorError(
    'EMULATOR_OPTIONS',
    value === undefined
      ? `Option '${option}' is needed: a URL such as postgres://user:password@host:5432/database.`
      : `Option '${option}' is not a URL such as postgres://user:password@host:5432/database.`,
  )
}

function find(cases: readonly ConformanceCase[], id: string): ConformanceCase {
  const found = cases.find((each) => each.id === id)
  if (found) return found
  const allowed = cases.map((each) => each.id).join(', ')
  throw new EmulatorError('EMULATOR_OPTIONS', `There is no case '${id}'. Allowed: ${allowed}.`)
}
