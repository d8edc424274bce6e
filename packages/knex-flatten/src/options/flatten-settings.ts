import { resolveProfile } from '@knex-flatten/sql-support'
import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, checkAll, isBoolean, isRecord, oneOf, refuseUnknown, show } from './check.ts'
import type { CrossingBudget } from '../crossings/crossing-tally.ts'
import { crossingBudget } from './crossing-budget.ts'
import type { ConsistencyMode, FlattenOptions, ForeignConnection } from './options.ts'

/** {@link FlattenOptions}, all of them said. */
export interface FlattenSettings {
  readonly nested: NonNullable<FlattenOptions['nested']>
  readonly doomOn: NonNullable<FlattenOptions['doomOn']>
  /** What becomes of a query on the instance inside a transaction; `undefined`: nobody asks. */
  readonly ambient: ForeignConnection | undefined
  readonly lazyBegin: boolean
  readonly callSites: boolean
  readonly consistency: ConsistencyMode | undefined
  readonly crossings: CrossingBudget | undefined
  readonly guard: NonNullable<FlattenOptions['guard']>
  readonly onUnsupported: NonNullable<FlattenOptions['onUnsupported']>
  readonly profile: NonNullable<FlattenOptions['profile']>
}

/** What is refused, and where. */
export type GuardSettings = Pick<FlattenSettings, 'guard' | 'onUnsupported'>

/** Those that Aurora documents. */
export const consistencyModes: readonly ConsistencyMode[] = ['session', 'eventual', 'global', 'off']

const foreignConnections = ['join', 'throw', 'warn']

const flattenChecks: Record<keyof FlattenOptions, Check> = {
  nested: oneOf(['flatten', 'throw', 'escalate', 'observe']),
  doomOn: {
    allowed: "'scope' or a function of the error",
    holds: (value) => value === 'scope' || typeof value === 'function',
  },
  ambient: {
    allowed: `true, false or { foreignConnection: ${foreignConnections.map((one) => `'${one}'`).join(' | ')} }`,
    holds: (value) =>
      typeof value === 'boolean' ||
      (isRecord(value) &&
        Object.keys(value).join() === 'foreignConnection' &&
        foreignConnections.some((one) => one === value['foreignConnection'])),
  },
  lazyBegin: isBoolean,
  callSites: isBoolean,
  consistency: oneOf(consistencyModes),
  crossings: crossingBudget,
  guard: oneOf(['reader', 'always', 'off']),
  onUnsupported: oneOf(['throw', 'warn', 'writer']),
  profile: {
    allowed: "'aws-global', 'aws-local' or an object { name, extends, verdicts }",
    holds: (value) => typeof value === 'string' || isRecord(value),
  },
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkFlattenOptions(options: unknown = {}): FlattenOptions {
  const where = 'flatten(knex, options)'
  const checked = checkOptions(where, options, {})
  if (checked.onUnsupported === 'writer') {
    throw new TransactionOptionsError(
      `${where}: onUnsupported 'writer' needs an instance that has a writer beside its reader, and this one has one pool. Make it by ` +
        "route({ reader, writer, onUnsupported: 'writer' }) of knex-flatten/routing, or choose 'throw' or 'warn'.",
    )
  }
  return checked
}

/**
 * The same for a function that takes some beside them; `checks` are for those.
 *
 * @throws TransactionOptionsError naming the option, its value and what is allowed.
 */
export function checkOptions(where: string, options: unknown, checks: Record<string, Check>): FlattenOptions {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(`${where}: options must be an object, not ${show(options)}.`)
  }
  const all = { ...checks, ...flattenChecks }
  refuseUnknown(where, options, all)
  checkAll(where, options, all)
  checkProfile(where, options)
  refuseBesideObserving(where, options)
  return options
}

function checkProfile(where: string, { profile }: FlattenOptions): void {
  if (profile === undefined) return
  try {
    resolveProfile(profile)
  } catch (error) {
    throw new TransactionOptionsError(`${where}: ${(error as Error).message}.`)
  }
}

/** Who observes wants Knex as it is; what another option asks for would be another Knex. */
function refuseBesideObserving(where: string, { nested, ...others }: FlattenOptions): void {
  if (nested !== 'observe') return
  for (const [name, value] of Object.entries(others)) {
    // Without call sites its report would say nothing.
    if (name === 'callSites' ? value !== false : !value) continue
    throw new TransactionOptionsError(
      `${where}: nested 'observe' and ${name} contradict each other: nothing is flattened while it is observed. Drop ${name} for as long.`,
    )
  }
}

/** What the options say, with defaults for what they do not. */
export function settle(options: FlattenOptions): FlattenSettings {
  const {
    nested,
    doomOn,
    ambient,
    lazyBegin,
    callSites,
    consistency,
    crossings,
    guard,
    onUnsupported,
    profile,
  } = options
  return {
    nested: nested ?? 'flatten',
    doomOn: doomOn ?? 'scope',
    ambient: typeof ambient === 'object' ? ambient.foreignConnection : ambient ? 'join' : undefined,
    lazyBegin: lazyBegin ?? false,
    callSites: callSites ?? true,
    consistency,
    crossings,
    guard: guard ?? 'reader',
    onUnsupported: onUnsupported ?? 'throw',
    profile: profile ?? 'aws-global',
  }
}
