import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { handleOfType } from '../knex/handle-of-type.ts'
import type { LintedFile } from '../linted-file.ts'
import { typescriptOf } from '../syntax/program-of.ts'
import { isWithin } from '../syntax/is-within.ts'
import { mentionsOf } from './handle-uses.ts'

/** What an inner transaction is opened on: a transaction for certain, the same one wherever its text stands. */
export interface Outer {
  readonly text: string
  /** The variable that it is; `undefined` for a field. */
  readonly variable: TSESLint.Scope.Variable | undefined
}

export function outerAt({ source, handleAt }: LintedFile, node: TSESTree.Node): Outer | undefined {
  const text = source.getText(node)
  if (handleAt(node) !== 'transaction') return undefined
  if (isField(node)) return { text, variable: undefined }
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  const variable = ASTUtils.findVariable(source.getScope(node), node)
  // What no file declares is a global, and told by its name alone.
  if (variable === null) return { text, variable: undefined }
  return isSteady(variable) ? { text, variable } : undefined
}

/** Its other mentions, outside of `call`. */
export function othersOf({ variable }: Outer, call: TSESTree.Node): TSESTree.Node[] {
  const mentions = variable === undefined ? undefined : mentionsOf(variable)
  return mentions?.filter((mention) => !isWithin(mention, call)) ?? []
}

/**
 * Whether a transaction is Knex's for certain: by its type, or because it, or what is opened on it, is called with a table's name,
 * as no other library's is.
 */
export function isKnexForCertain(
  { services }: LintedFile,
  node: TSESTree.Node,
  mentions: readonly TSESTree.Node[],
): boolean {
  if (services !== undefined) {
    const checker = services.program.getTypeChecker()
    const type = services.getTypeAtLocation(node)
    if (handleOfType(typescriptOf(services.program), checker, type) === 'transaction') return true
  }
  return mentions.some((mention) => {
    const { parent } = mention
    if (parent?.type !== AST_NODE_TYPES.CallExpression || parent.callee !== mention) return false
    return parent.arguments[0]?.type === AST_NODE_TYPES.Literal
  })
}

/** `this.trx`, `context.trx` */
function isField(node: TSESTree.Node): boolean {
  if (node.type !== AST_NODE_TYPES.MemberExpression || node.computed || node.optional) return false
  const { object } = node
  return (
    object.type === AST_NODE_TYPES.ThisExpression ||
    object.type === AST_NODE_TYPES.Identifier ||
    isField(object)
  )
}

/** Never assigned anew, and without a default, which would make it a root for some callers. */
function isSteady({ defs: [definition, ...others], references }: TSESLint.Scope.Variable): boolean {
  if (definition === undefined || others.length > 0) return false
  const isDefaulted = definition.name.parent.type === AST_NODE_TYPES.AssignmentPattern
  return !isDefaulted && references.every((reference) => !reference.isWrite() || reference.init === true)
}
