import type { AwsProfile } from '@knex-flatten/sql-support'
import type { ConformanceCase } from './case.ts'
import { errorCases } from './cases/errors.ts'
import { forwardingCases } from './cases/forwarding.ts'
import { parameterCases } from './cases/parameters.ts'
import { ruleCases } from './cases/rules.ts'

/** Everything that a reader of this kind is expected to do, as data. */
export function conformanceCases(profile: AwsProfile): readonly ConformanceCase[] {
  const all = [...forwardingCases, ...parameterCases, ...errorCases, ...ruleCases(profile)]
  return all.filter(({ profiles }) => !profiles || profiles.includes(profile))
}
