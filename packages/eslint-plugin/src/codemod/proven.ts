import type { Linter } from 'eslint'
import type { outerMessages, transactingMessages } from '../suggestions/without-inner.ts'

/** The rules whose suggestions are looked at. */
export const rules: Linter.RulesRecord = {
  'knex-flatten/no-nested-transaction': 'error',
  'knex-flatten/no-savepoint': 'error',
}

type Suggestion = keyof typeof outerMessages | keyof typeof transactingMessages

/** The suggestions after which rows and outcome are what they were. */
const proven: readonly Suggestion[] = ['useOuter', 'runInTransaction']

export function isProven(message: Linter.LintMessage): boolean {
  return provenOf(message) !== undefined
}

function provenOf({ ruleId, suggestions }: Linter.LintMessage): Linter.LintSuggestion | undefined {
  if (ruleId === null || !(ruleId in rules)) return undefined
  return suggestions?.find(({ messageId }) => (proven as readonly (string | undefined)[]).includes(messageId))
}

/** The text after every change that does not stand in another: those come in the next pass. */
export function applied(text: string, messages: readonly Linter.LintMessage[]): string {
  const fixes = messages.flatMap((message) => provenOf(message)?.fix ?? [])
  let done = ''
  let at = 0
  for (const { range, text: change } of fixes.toSorted((one, other) => one.range[0] - other.range[0])) {
    if (range[0] < at) continue
    done += text.slice(at, range[0]) + change
    at = range[1]
  }
  return done + text.slice(at)
}
