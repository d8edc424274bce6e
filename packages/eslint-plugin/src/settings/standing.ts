import { howKnown, supportTable, type ResolvedProfile, type RuleId } from '@knex-flatten/sql-support'

/** What becomes of a statement: it fails; nobody has said what happens; or it does what it should. */
export type Standing = 'refused' | 'unpublished' | 'works'

/** How a row of the support table stands under a profile. */
export function standingOf({ verdicts }: ResolvedProfile, row: RuleId): Standing {
  const { verdict, known } = verdicts[row]
  if (verdict === 'refuse') return 'refused'
  return known === 'unknown' || known === 'assumed' ? 'unpublished' : 'works'
}

/** What a message says of a row: why it breaks, what to write instead, and how that is known. */
export function wordsAbout(
  profile: ResolvedProfile,
  row: RuleId,
): Record<'why' | 'instead' | 'known', string> {
  const { why, instead } = supportTable[row]
  return { why, instead, known: howKnown(profile, row) }
}
