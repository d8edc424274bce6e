import type { ESLint, Linter } from 'eslint'
import { applied, isProven } from './proven.ts'

/** A report that is left to the reader. */
interface Left {
  readonly line: number
  readonly column: number
  readonly rule: string
  readonly why: string
}

/** A file, and what the codemod makes of it. */
export interface Rewritten {
  readonly path: string
  readonly before: string
  /** The same as before where nothing is to be changed. */
  readonly after: string
  readonly left: readonly Left[]
  /** Why the file could not be read. */
  readonly failure?: string
}

/** Each pass takes a level of nesting away; nobody nests as deep. */
const enough = 50

/** Applies what is proven until there is nothing more; what would not parse or would not have fewer reports stays as it was. */
export async function rewrite(eslint: ESLint, result: ESLint.LintResult): Promise<Rewritten> {
  const { filePath: path, messages } = result
  // ESLint counts without the byte order mark.
  const [, mark = '', before = ''] = /^(\uFEFF?)([^]*)$/u.exec(result.source ?? '') ?? []
  const failed = failureIn(messages)
  if (failed !== undefined) return { path, before, after: before, left: [], failure: failed }

  let after = before
  let reports = messages
  for (let pass = 0; pass < enough && reports.some(isProven); pass++) {
    const next = applied(after, reports)
    const [checked] = await eslint.lintText(next, { filePath: path })
    if (checked === undefined) break
    const failure = failureIn(checked.messages)
    if (failure !== undefined || checked.messages.length >= reports.length) {
      const why = failure ?? 'a change did not make the reports fewer'
      return { path, before, after: before, left: [], failure: `left as it was: ${why}` }
    }
    after = next
    reports = checked.messages
  }
  return { path, before: mark + before, after: mark + after, left: reports.map(leftOf) }
}

function failureIn(messages: readonly Linter.LintMessage[]): string | undefined {
  const fatal = messages.find((message) => message.fatal === true)
  return fatal && `${fatal.line}:${fatal.column} ${fatal.message}`
}

function leftOf({ line, column, ruleId, message, suggestions = [] }: Linter.LintMessage): Left {
  const [suggestion] = suggestions
  return { line, column, rule: ruleId ?? '', why: suggestion === undefined ? message : suggestion.desc }
}
