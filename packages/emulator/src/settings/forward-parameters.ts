import { consistencyModes } from './forward-settings.ts'

/** What Aurora's own server would know of one `apg_write_forward.*` parameter. */
export interface ForwardParameter {
  readonly name: string
  /** As SHOW says it. */
  readonly defaultValue: string
  readonly type: { readonly kind: 'enum'; readonly values: readonly string[] } | IntegerType
  /** False: a parameter of the whole server, which no session may set. */
  readonly settable: boolean
  readonly description: string
}

interface IntegerType {
  readonly kind: 'integer'
  readonly unit: 's' | 'ms' | undefined
  readonly max: number
}

/** An error as PostgreSQL reports one about a parameter. */
export interface ParameterError {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

const forwardPrefix = 'apg_write_forward.'
export const consistencyParameter = 'apg_write_forward.consistency_mode'

const milliseconds: IntegerType = { kind: 'integer', unit: 'ms', max: 2_147_483_647 }

/** Names, defaults and units as AWS documents them; the upper limits are those of any such parameter of PostgreSQL's. */
export const forwardParameters: readonly ForwardParameter[] = [
  {
    name: consistencyParameter,
    defaultValue: 'session',
    type: { kind: 'enum', values: consistencyModes },
    settable: true,
    description: 'What the reads of a session wait for.',
  },
  {
    name: 'apg_write_forward.connect_timeout',
    defaultValue: '30s',
    type: { kind: 'integer', unit: 's', max: 2_147_483_647 },
    settable: true,
    description: 'How long the writer may take to accept a forwarded session; 0: for ever.',
  },
  {
    name: 'apg_write_forward.idle_in_transaction_session_timeout',
    defaultValue: '1d',
    type: milliseconds,
    settable: true,
    description:
      'How long a forwarded transaction may be idle before the writer ends its session; 0: for ever.',
  },
  {
    name: 'apg_write_forward.idle_session_timeout',
    defaultValue: '5min',
    type: milliseconds,
    settable: true,
    description: 'How long a forwarded session may be idle before the writer ends it; 0: for ever.',
  },
  {
    name: 'apg_write_forward.max_forwarding_connections_percent',
    defaultValue: '25',
    type: { kind: 'integer', unit: undefined, max: 100 },
    settable: false,
    description: "The share of the writer's max_connections that forwarded sessions may take.",
  },
]

/** The value as SHOW would say it, or what PostgreSQL would say of a parameter of that type. */
export function readValue(
  { name, type }: ForwardParameter,
  value: string,
): { readonly shown: string; readonly number: number } | ParameterError {
  const invalid = { sqlstate: '22023', message: `invalid value for parameter "${name}": "${value}"` }
  if (type.kind === 'enum') {
    const shown = type.values.find((each) => each === value.toLowerCase())
    return shown === undefined
      ? { ...invalid, hint: `Available values: ${type.values.join(', ')}.` }
      : { shown, number: Number.NaN }
  }
  const parts = /^\s*([+-]?(?:0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))\s*([^\d\s].*?)?\s*$/i.exec(value)
  if (!parts) return invalid
  const [, digits, unit] = parts
  if (unit !== undefined && (type.unit === undefined || !Object.hasOwn(milli, unit))) {
    return type.unit === undefined
      ? invalid
      : { ...invalid, hint: 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".' }
  }
  const factor = unit === undefined || type.unit === undefined ? 1 : milli[unit]! / milli[type.unit]!
  const number = Math.round(Number(digits) * factor)
  if (Math.abs(number) > 2_147_483_647) return { ...invalid, hint: 'Value exceeds integer range.' }
  if (number < 0 || number > type.max) {
    const suffix = type.unit === undefined ? '' : ` ${type.unit}`
    return {
      sqlstate: '22023',
      message: `${number}${suffix} is outside the valid range for parameter "${name}" (0 .. ${type.max})`,
    }
  }
  return { shown: shownInteger(number, type), number }
}

const milli: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** In the largest unit of which it is a whole number, as SHOW does it. */
function shownInteger(number: number, { unit }: IntegerType): string {
  if (unit === undefined || number === 0) return String(number)
  const whole = Object.entries(milli)
    .map(([name, each]) => [name, (number * milli[unit]!) / each] as const)
    .findLast(([, count]) => Number.isInteger(count))!
  return `${whole[1]}${whole[0]}`
}

/** What a server answers that keeps the prefix for itself, if it has no parameter of that name. */
export function nameError(name: string): ParameterError | undefined {
  if (!name.startsWith(forwardPrefix) || parameterOf(name)) return undefined
  return {
    sqlstate: '42602',
    message: `invalid configuration parameter name "${name}"`,
    detail: '"apg_write_forward" is a reserved prefix.',
    hint: `There are ${forwardParameters.map((each) => each.name.slice(forwardPrefix.length)).join(', ')}.`,
  }
}

/**
 * What Aurora would answer to SET, if it would not do it; undefined if it would.
 *
 * @param value undefined: RESET, or a value that only the server will know
 */
export function valueError(name: string, value: string | undefined): ParameterError | undefined {
  const parameter = parameterOf(name)
  if (!parameter) return undefined
  if (!parameter.settable) return { sqlstate: '55P02', message: `parameter "${name}" cannot be changed now` }
  if (value === undefined) return undefined
  const read = readValue(parameter, value)
  return 'sqlstate' in read ? read : undefined
}

const parameterOf = (name: string): ForwardParameter | undefined =>
  forwardParameters.find((each) => each.name === name)

/** The value of SET in the words of SHOW, so that it is shown as Aurora would. */
export function shownValue(name: string, value: string): string {
  const parameter = parameterOf(name)
  const read = parameter && readValue(parameter, value)
  return read && 'shown' in read ? read.shown : value
}
