import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { importOf } from '../syntax/import-of.ts'
import { isCallOf, isOnBuilder } from '../knex/builder-call.ts'

/** A result that is fetched in parts, and where it says so. */
export interface Portal {
  readonly node: TSESTree.Node
  readonly words: string
}

const streaming = new Set(['stream', 'pipe'])
const packages = new Set(['pg-cursor', 'pg-query-stream'])

/** `.stream()` and `.pipe()` of Knex's builders, and what pg-cursor and pg-query-stream are made by. */
export function portalAt(
  file: LintedFile,
  node: TSESTree.CallExpression | TSESTree.NewExpression,
): Portal | undefined {
  if (node.type === AST_NODE_TYPES.NewExpression) {
    const module = importOf(file.source, node.callee)?.module
    if (module === undefined || !packages.has(module)) return undefined
    return { node: node.callee, words: `new ${file.source.getText(node.callee)}(…)` }
  }
  if (!isCallOf(streaming, node) || !isOnBuilder(file, node) || file.isOnWriter(node.callee)) return undefined
  return { node: node.callee.property, words: `.${ASTUtils.getPropertyName(node.callee)!}()` }
}
