import {
  resolveProfile,
  ruleIds,
  supportTable,
  type ForwardingProfile,
  type RuleId,
  type Verdict,
} from '@knex-flatten/sql-support'
import { EmulatorError } from '../emulator-error.ts'
import type { Profile } from '../session/plan.ts'
import { switches, type Assumptions, type Switch } from './switches.ts'

/** One assumption: of the support table, where it is not documented, or of the emulator's own. */
export interface Assumption extends Omit<Switch, 'values'> {
  readonly id: string
  readonly about: 'verdict' | 'behaviour'
  /** What it can be set to. */
  readonly values: readonly string[]
}

/** What is assumed: a profile with the chosen verdicts, and the value of each switch. */
export interface Assumed {
  readonly profile: Profile
  readonly assumptions: Assumptions
}

const anySqlstate = 'any SQLSTATE'
/**
 * What the emulator cannot forward: whether a result is fetched in parts is known only once its server has been chosen, a
 * prepared transaction outlives its session, and nobody listens to the writer's notifications.
 */
const notForwarded: ReadonlySet<RuleId> = new Set(['portal-fetch', 'two-phase', 'listen-notify'])

const verdicts: readonly Verdict[] = ['local', 'forward', 'refuse']

/** Everything that is assumed under a profile: each rule of the table that is not documented, then each switch. */
export function listAssumptions(profile: Profile): readonly Assumption[] {
  const rules = ruleIds.filter((id) => resolveProfile(profile).verdicts[id].known !== 'documented')
  return [
    ...rules.map((id) => ruleAssumption(id, profile)),
    ...Object.entries<Switch>(switches).map(([id, each]) => ({
      ...each,
      id,
      about: 'behaviour' as const,
      values: each.values === 'sqlstate' ? [anySqlstate] : each.values,
    })),
  ]
}

function ruleAssumption(id: RuleId, profile: Profile): Assumption {
  const { title, why, source } = supportTable[id]
  const { verdict } = resolveProfile(profile).verdicts[id]
  // An INSERT is forwarded whatever is assumed of its ON CONFLICT.
  const impossible = notForwarded.has(id) ? 'forward' : id === 'on-conflict' ? 'local' : undefined
  const values = verdicts.filter((each) => each !== impossible)
  return { id, about: 'verdict', title, values, default: verdict, unknown: why, source }
}

/**
 * Fills in what is assumed by default; a verdict that was chosen becomes one of the profile's.
 *
 * @param chosen values by the ids that {@link listAssumptions} gives for this profile.
 * @throws EmulatorError `EMULATOR_OPTIONS` for an id or a value that is not among them, with those that are
 */
export function assume(profile: Profile, chosen: Readonly<Record<string, string>> = {}): Assumed {
  const list = listAssumptions(profile)
  const flipped: Partial<Record<RuleId, { verdict: Verdict; known: 'assumed' }>> = {}
  const values: Record<string, string> = {}
  for (const [id, each] of Object.entries<Switch>(switches)) values[id] = each.default
  for (const [id, value] of Object.entries(chosen)) {
    const { about } = check(list, profile, id, value)
    if (about === 'behaviour') values[id] = value
    else flipped[id as RuleId] = { verdict: value as Verdict, known: 'assumed' }
  }
  return { profile: overlay(profile, flipped), assumptions: values as unknown as Assumptions }
}

function check(list: readonly Assumption[], profile: Profile, id: string, value: unknown): Assumption {
  const found = list.find((each) => each.id === id)
  if (!found) {
    const documented = (ruleIds as readonly string[]).includes(id)
    const reason = documented
      ? `'${id}' is no assumption under profile '${nameOf(profile)}': it is documented. Only a profile of your own can say otherwise.`
      : `There is no assumption '${id}' under profile '${nameOf(profile)}'.`
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `${reason} Allowed: ${list.map((each) => each.id).join(', ')}.`,
    )
  }
  if (!accepts(found, value)) {
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `Assumption '${id}' is '${String(value)}'; allowed: ${found.values.join(', ')}.`,
    )
  }
  return found
}

function accepts({ id, values }: Assumption, value: unknown): boolean {
  if (typeof value !== 'string') return false
  const sqlstate =
    Object.hasOwn(switches, id) && (switches as Record<string, Switch>)[id]!.values === 'sqlstate'
  // Class 00 is success, and no error.
  return sqlstate ? /^(?!00)[0-9A-Z]{5}$/.test(value) : values.includes(value)
}

/** A profile may only be named once: the new one tells what was changed. */
function overlay(profile: Profile, flipped: NonNullable<ForwardingProfile['verdicts']>): Profile {
  const changes = Object.entries(flipped)
  if (changes.length === 0) return profile
  const base = typeof profile === 'string' ? { extends: profile } : profile
  const told = changes.map(([id, { verdict }]) => `${id}=${verdict}`).join(', ')
  return {
    ...base,
    name: `${nameOf(profile)}, ${told}`,
    verdicts: { ...(typeof profile === 'string' ? {} : profile.verdicts), ...flipped },
  }
}

function nameOf(profile: Profile): string {
  return typeof profile === 'string' ? profile : profile.name
}
