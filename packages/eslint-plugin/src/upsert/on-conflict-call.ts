import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { isKnex, packageOf } from '../knex/builder-call.ts'
import { methodOf, queryOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { isFunction } from '../syntax/function-node.ts'

type Source = Readonly<TSESLint.SourceCode>

/** A conflict resolved by the builder: `.onConflict('id').merge()`. */
export interface OnConflictCall {
  readonly method: 'merge' | 'ignore'
  /** `onConflict` where it is in sight, else the method. */
  readonly node: TSESTree.Node
}

/** Reads `.merge()` or `.ignore()` after `.onConflict(…)` of Knex or Objection; `undefined` for every other call. */
export function onConflictCallOf(
  file: LintedFile,
  call: TSESTree.CallExpression,
): OnConflictCall | undefined {
  const { source } = file
  const method = methodOf(call)
  if (method !== 'merge' && method !== 'ignore') return undefined
  const { object, property } = call.callee as TSESTree.MemberExpression
  const onConflict = onConflictIn(source, object)
  // Kysely's `onConflict` takes a function.
  if (onConflict === undefined) return undefined
  const [first] = onConflict.arguments
  if (first !== undefined && isFunction(first)) return undefined
  if (!isKnexBuilder(file, object)) return undefined
  const isInSight = onConflict.range[0] >= call.range[0] && onConflict.range[1] <= call.range[1]
  return { method, node: isInSight ? (onConflict.callee as TSESTree.MemberExpression).property : property }
}

function onConflictIn(source: Source, node: TSESTree.Node): TSESTree.CallExpression | undefined {
  if (node.type === AST_NODE_TYPES.Identifier) {
    const definition = ASTUtils.findVariable(source.getScope(node), node)?.defs[0]
    const value = definition?.node.type === AST_NODE_TYPES.VariableDeclarator ? definition.node.init : null
    return value?.type === AST_NODE_TYPES.CallExpression ? onConflictIn(source, value) : undefined
  }
  if (node.type !== AST_NODE_TYPES.CallExpression) return undefined
  if (methodOf(node) === 'onConflict') return node
  return node.callee.type === AST_NODE_TYPES.MemberExpression
    ? onConflictIn(source, node.callee.object)
    : undefined
}

/** Not a builder of another package, as far as its type tells; one's own subclass of Objection's counts. */
function isKnexBuilder(file: LintedFile, node: TSESTree.Node): boolean {
  // The type of a chain is dearer than that of what it begins with.
  const on = queryOf(node)?.on
  if (on !== undefined && isKnex(file, on)) return true
  const declarations = file.services?.getTypeAtLocation(node).getSymbol()?.declarations ?? []
  return declarations.every((declaration) => {
    const name = packageOf(declaration.getSourceFile().fileName)
    return name === undefined || name === 'knex' || name === 'objection'
  })
}
