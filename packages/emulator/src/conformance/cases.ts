import type { AwsProfile } from '@knex-flatten/sql-support'
import { assume } from '../assumptions/assumptions.ts'
import type { ConformanceCase } from './case.ts'
import { errorCases } from './cases/errors.ts'
import { forwardingCases } from './cases/forwarding.ts'
import { parameterCases } from './cases/parameters.ts'
import { ruleCases } from './cases/rules.ts'

/**
 * Everything that a reader of this kind is expected to do, as data.
 *
 * @param assumptions what is expected where nobody has published it, by the ids of assumptions.
 * @throws EmulatorError `EMULATOR_OPTIONS` for an assumption that does not exist
 */
export function conformanceCases(
  profile: AwsProfile,
  assumptions: Readonly<Record<string, string>> = {},
): readonly ConformanceCase[] {
  const rules = ruleCases(assume(profile, assumptions))
  const all = [...forwardingCases, ...parameterCases, ...errorCases, ...rules]
  return all.filter(({ profiles }) => !profiles || profiles.includes(profile))
}
