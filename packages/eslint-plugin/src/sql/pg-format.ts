import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import { importOf } from '../syntax/import-of.ts'
import { partOf, type Chunk, type SqlText } from './sql-text.ts'

const formatters = new Set(['pg-format', '@scaleleap/pg-format', 'node-pg-format'])

/** Whether a call's callee is pg-format, which fills a text's `%L`, `%I` and `%s`. */
export function isFormat(source: Readonly<TSESLint.SourceCode>, callee: TSESTree.Node): boolean {
  const module = importOf(source, callee)?.module
  return module !== undefined && formatters.has(module)
}

/** The text with a hole for each placeholder of pg-format's. */
export function formatted(text: SqlText): SqlText {
  return text.flatMap(withHoles)
}

function withHoles(chunk: Chunk): Chunk[] {
  const chunks: Chunk[] = []
  let rest = 0
  for (const { 0: found, index } of chunk.text.matchAll(/%(?:%|(?:\d+\$)?[ILs])/gu)) {
    // `%%` is a percent sign, whose second half goes to a hole: nothing that is looked for has one.
    chunks.push(partOf(chunk, rest, index))
    rest = index + found.length
  }
  return [...chunks, partOf(chunk, rest)]
}
