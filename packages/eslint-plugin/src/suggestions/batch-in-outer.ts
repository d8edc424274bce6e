import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { chainOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { functionAround } from '../syntax/function-node.ts'
import { errorWayOf } from './error-way.ts'
import type { WithoutInner } from './outer-transaction.ts'
import { isAnyInFlight } from './in-flight.ts'
import { othersOf, outerAt } from './outer.ts'

/** `trx.batchInsert(…).transacting(trx)`: the very same statements; `undefined` where its error is caught. */
export function batchInOuter(
  file: LintedFile,
  call: TSESTree.Node,
  on: TSESTree.Node,
): WithoutInner | undefined {
  if (call.type !== AST_NODE_TYPES.CallExpression) return undefined
  const outer = outerAt(file, on)
  const way = outer && errorWayOf(file.syntax, call, outer.variable)
  if (way === undefined || way === 'caught') return undefined
  const isAwaited = chainOf(call).parent.type === AST_NODE_TYPES.AwaitExpression
  return {
    outer: outer!.text,
    isProven:
      way === 'ends-outer' && isAwaited && !isAnyInFlight(othersOf(outer!, call), functionAround(call), call),
    fix: (fixer: TSESLint.RuleFixer) => fixer.insertTextAfter(call, `.transacting(${outer!.text})`),
  }
}
