import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isDeclaredByKnex } from './builder-call.ts'
import type { BuiltQuery } from './built-query.ts'
import { readChain } from './chain.ts'
import { mayBuildQuery } from './doing.ts'

/**
 * Reads `tables.users(trx).insert(row)`: what somebody's own function answers with is Knex's builder, or Objection's, by the type of
 * `call`'s method. Which table it is made on is not told.
 */
export function madeQueryAt(
  file: LintedFile,
  call: TSESTree.CallExpression,
  outermost: TSESTree.CallExpression,
): BuiltQuery | undefined {
  if (!isDeclaredByKnex(file, call)) return undefined
  const { links } = readChain(outermost)
  const own = links.slice(links.findLastIndex(({ name }) => !mayBuildQuery(name)) + 1)
  const transacting = own.find(({ name }) => name === 'transacting')?.call.arguments[0]
  return {
    on: transacting ?? makerIn(outermost)?.arguments[0],
    table: undefined,
    model: undefined,
    links: own,
  }
}

/** The call of the function that makes the builder of a chain. */
export function makerIn(outermost: TSESTree.CallExpression): TSESTree.CallExpression | undefined {
  const { end, links } = readChain(outermost)
  const made = links.findLast(({ name }) => !mayBuildQuery(name))?.call
  return made ?? (end.type === AST_NODE_TYPES.CallExpression ? end : undefined)
}
