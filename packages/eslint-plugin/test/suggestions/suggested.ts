import type { Linter } from 'eslint'
import { lint } from '../lint.ts'

/** One change that a report suggests. */
export interface Suggested {
  readonly messageId: string
  readonly output: string
}

/** What the reports of a rule suggest for a file of the fixtures. */
export async function suggestedFor(
  rule: string,
  code: string,
  { types = true }: { types?: boolean } = {},
): Promise<Suggested[]> {
  const messages = await reportsOf(rule, code, types)
  return messages.flatMap(({ suggestions = [] }) =>
    suggestions.map(({ messageId = '', fix }) => ({
      messageId,
      output: code.slice(0, fix.range[0]) + fix.text + code.slice(fix.range[1]),
    })),
  )
}

/** @throws where the file does not parse */
export async function reportsOf(rule: string, code: string, types = true): Promise<Linter.LintMessage[]> {
  const messages = await lint(code, { rules: { [`knex-flatten/${rule}`]: 'error' } }, { types })
  const fatal = messages.find((message) => message.fatal)
  if (fatal !== undefined) throw new Error(`${fatal.message} in\n${code}`)
  return messages
}
