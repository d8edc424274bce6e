import type { Known, RuleId, Verdict } from '../statement.ts'
import type { AwsProfile, RuleVerdict } from '../table/entry.ts'
import { ruleIds, supportTable } from '../table/support-table.ts'

/** Verdicts that differ from one of AWS's two profiles: an assumption of one's own, or what a cluster was seen to do. */
export interface ForwardingProfile {
  readonly name: string
  readonly extends: AwsProfile
  readonly verdicts?: Readonly<Partial<Record<RuleId, RuleVerdict>>>
}

/** A profile with a verdict for every rule. */
export interface ResolvedProfile {
  readonly name: string
  readonly verdicts: Readonly<Record<RuleId, RuleVerdict>>
}

const AWS_PROFILES: readonly AwsProfile[] = ['aws-global', 'aws-local']
const VERDICTS: readonly Verdict[] = ['local', 'forward', 'refuse']
const KNOWN: readonly Known[] = ['documented', 'measured', 'assumed', 'unknown']
const KEYS = ['name', 'extends', 'verdicts']

const resolved = new Map<AwsProfile, ResolvedProfile>(
  AWS_PROFILES.map((name) => [name, { name, verdicts: verdictsOf(name) }]),
)
const resolvedObjects = new WeakMap<ForwardingProfile, ResolvedProfile>()

/**
 * Checks a profile and fills in the verdicts it inherits.
 *
 * @throws {TypeError} naming the value that is wrong and what is allowed in its place.
 */
export function resolveProfile(profile: AwsProfile | ForwardingProfile): ResolvedProfile {
  const known = typeof profile === 'string' ? resolved.get(profile) : resolvedObjects.get(profile)
  if (known) return known
  const made = check(profile)
  resolvedObjects.set(profile as ForwardingProfile, made)
  return made
}

function check(profile: unknown): ResolvedProfile {
  if (typeof profile !== 'object' || profile === null) {
    throw wrong('profile', profile, [...AWS_PROFILES, 'an object { name, extends, verdicts? }'])
  }
  const strange = Object.keys(profile).find((key) => !KEYS.includes(key))
  if (strange !== undefined) throw wrong('key of a profile', strange, KEYS)
  const { name, extends: base, verdicts = {} } = profile as Readonly<Record<string, unknown>>
  if (typeof name !== 'string' || name === '' || AWS_PROFILES.includes(name as AwsProfile)) {
    throw wrong('profile.name', name, [`a text of its own (${AWS_PROFILES.join(' and ')} are taken)`])
  }
  if (!AWS_PROFILES.includes(base as AwsProfile)) throw wrong('profile.extends', base, AWS_PROFILES)
  if (typeof verdicts !== 'object' || verdicts === null) {
    throw wrong('profile.verdicts', verdicts, ['an object of { verdict, known } by rule id'])
  }
  const own = Object.entries(verdicts).map(([rule, value]) => [rule, checkVerdict(rule, value)] as const)
  return { name, verdicts: { ...verdictsOf(base as AwsProfile), ...Object.fromEntries(own) } }
}

function checkVerdict(rule: string, value: unknown): RuleVerdict {
  if (!Object.hasOwn(supportTable, rule)) throw wrong('rule in profile.verdicts', rule, ruleIds)
  const { verdict, known } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (!VERDICTS.includes(verdict as Verdict))
    throw wrong(`profile.verdicts['${rule}'].verdict`, verdict, VERDICTS)
  if (!KNOWN.includes(known as Known)) throw wrong(`profile.verdicts['${rule}'].known`, known, KNOWN)
  return Object.freeze({ verdict: verdict as Verdict, known: known as Known })
}

function verdictsOf(name: AwsProfile): Record<RuleId, RuleVerdict> {
  const entries = ruleIds.map((id) => [id, supportTable[id].verdicts[name]] as const)
  return Object.fromEntries(entries) as Record<RuleId, RuleVerdict>
}

function wrong(what: string, value: unknown, allowed: readonly string[]): TypeError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return new TypeError(`${what} is ${shown}; allowed: ${allowed.join(', ')}`)
}
