import type { Known, RuleId } from '../statement.ts'
import type { ResolvedProfile } from './profile.ts'

const sources: Readonly<Record<Known, string>> = {
  documented: 'documented by AWS',
  measured: 'measured',
  assumed: 'assumed: AWS does not say so',
  unknown: 'assumed: nobody has published it',
}

/** In words for a message, how a profile knows what it says of a rule. */
export function howKnown({ name, verdicts }: ResolvedProfile, rule: RuleId): string {
  const { known } = verdicts[rule]
  const isAws = name === 'aws-global' || name === 'aws-local'
  return isAws ? sources[known] : `${known}, by the profile "${name}"`
}
