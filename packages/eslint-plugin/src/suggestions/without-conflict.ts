import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { useGetOrCreate } from './get-or-create.ts'
import { useTryInsert } from './try-insert.ts'
import { useUpdateOrCreate, useUpdateOrCreateForCaught } from './update-or-create.ts'

export const withoutConflictMessages = {
  useTryInsert:
    "Insert with `tryInsert` of knex-flatten, which takes a conflict for a value and not for an error. The instance must be flatten's.",
  useGetOrCreate:
    "Look and insert with `getOrCreate` of knex-flatten, where the key is of a unique index. The instance must be flatten's.",
  useUpdateOrCreate:
    "Update or insert with `updateOrCreate` of knex-flatten, where the key is of a unique index. The instance must be flatten's.",
} as const

type Suggestions = TSESLint.ReportSuggestionArray<keyof typeof withoutConflictMessages>

/** To insert so that a unique violation caught by `handler` cannot happen. */
export function suggestTryInsert(file: LintedFile, handler: TSESTree.Node): Suggestions {
  const tried = handler.parent?.parent
  if (tried?.type !== AST_NODE_TYPES.TryStatement) return []
  return [
    ...suggestion('useUpdateOrCreate', useUpdateOrCreateForCaught(file, tried)),
    ...suggestion('useTryInsert', useTryInsert(file, tried)),
  ]
}

/** To do in one what a lookup decides on and `insert` does. */
export function suggestGetOrCreate(file: LintedFile, insert: TSESTree.CallExpression): Suggestions {
  return [
    ...suggestion('useUpdateOrCreate', useUpdateOrCreate(file, insert)),
    ...suggestion('useGetOrCreate', useGetOrCreate(file, insert)),
  ]
}

function suggestion(
  messageId: keyof typeof withoutConflictMessages,
  fix: TSESLint.ReportFixFunction | undefined,
): Suggestions {
  return fix === undefined ? [] : [{ messageId, fix }]
}
