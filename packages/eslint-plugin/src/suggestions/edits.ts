import type { TSESLint, TSESTree } from '@typescript-eslint/utils'

/** A text that takes the place of a stretch of the source. */
export interface Edit {
  readonly range: readonly [start: number, end: number]
  readonly text: string
}

type Source = Readonly<TSESLint.SourceCode>

/** All edits as one fix; `undefined` where a comment would go with what they remove. */
export function fixOf(source: Source, edits: readonly Edit[]): TSESLint.ReportFixFunction | undefined {
  if (losesComment(source, edits)) return undefined
  return (fixer) => edits.map(({ range, text }) => fixer.replaceTextRange(range, text))
}

function losesComment(source: Source, edits: readonly Edit[]): boolean {
  const removals = edits.filter(({ range }) => source.text.slice(...range).trim() !== '')
  return source
    .getAllComments()
    .some(({ range: [start, end] }) => removals.some(({ range }) => start < range[1] && range[0] < end))
}

export function remove(start: number, end: number): Edit {
  return { range: [start, end], text: '' }
}

export function insert(at: number, text: string): Edit {
  return { range: [at, at], text }
}

export function lineStart(source: Source, offset: number): number {
  return source.text.lastIndexOf('\n', offset - 1) + 1
}

/** How a statement that is put at `end` ends there: as `like` does, but with a semicolon where it would go on with what follows. */
export function endLike(source: Source, like: TSESTree.Node, end: number): ';' | '' {
  const next = source.ast.tokens.find(({ range }) => range[0] >= end)
  const needsOne = next !== undefined && goesOn.test(next.value)
  return needsOne || source.getLastToken(like)?.value === ';' ? ';' : ''
}

/** What begins so goes on with a statement before it that has no semicolon. */
export const goesOn: RegExp = /^[([/+\-`]/u

/** A statement goes, with its line if that holds nothing else; `undefined` where its neighbours would become one. */
export function removeStatement(source: Source, statement: TSESTree.Statement): Edit | undefined {
  const [start, end] = statement.range
  const [before, next] = [source.getTokenBefore(statement), source.getTokenAfter(statement)]
  const isApart = before === null || /^[;{]$/u.test(before.value)
  if (!isApart && next !== null && goesOn.test(next.value)) return undefined
  const [after] = /^[ \t]*(?:\r?\n)?/u.exec(source.text.slice(end))!
  if (!after.endsWith('\n')) return remove(start, end + after.length)
  const from = lineStart(source, start)
  return source.text.slice(from, start).trim() === '' ? remove(from, end + after.length) : remove(start, end)
}
