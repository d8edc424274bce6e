import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { useGetOrCreate } from './get-or-create.ts'
import { useTryInsert } from './try-insert.ts'

export const withoutConflictMessages = {
  useTryInsert:
    "Insert with `tryInsert` of knex-flatten, which takes a conflict for a value and not for an error. The instance must be flatten's.",
  useGetOrCreate:
    "Look and insert with `getOrCreate` of knex-flatten, where the key is of a unique index. The instance must be flatten's.",
} as const

type Suggestions = TSESLint.ReportSuggestionArray<keyof typeof withoutConflictMessages>

/** To insert so that a unique violation caught by `handler` cannot happen. */
export function suggestTryInsert(file: LintedFile, handler: TSESTree.Node): Suggestions {
  const tried = handler.parent?.parent
  const fix = tried?.type === AST_NODE_TYPES.TryStatement ? useTryInsert(file, tried) : undefined
  return fix === undefined ? [] : [{ messageId: 'useTryInsert', fix }]
}

/** To do in one what a lookup decides on and `insert` does. */
export function suggestGetOrCreate(file: LintedFile, insert: TSESTree.CallExpression): Suggestions {
  const fix = useGetOrCreate(file, insert)
  return fix === undefined ? [] : [{ messageId: 'useGetOrCreate', fix }]
}
