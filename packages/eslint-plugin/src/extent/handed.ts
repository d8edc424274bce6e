import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { typescriptOf } from '../syntax/program-of.ts'
import { type FunctionNode } from '../syntax/function-node.ts'

/** Words of a parameter that may be a transaction: only of these the type is asked. */
const mayBeTransaction = /trx|ransaction|(?<![a-z])tx\d*\b|Tx\b/u

const declaredAsTransaction = /Trx|Tx|Transaction\b/u

/** The parameters of a function that always hold an open transaction. */
export function handedTo(file: LintedFile, fn: FunctionNode): TSESLint.Scope.Variable[] {
  const names = fn.params
    .filter((parameter) => mayBeTransaction.test(file.source.getText(parameter)))
    .flatMap(namesIn)
    .filter((name) => isAlwaysTransaction(file, name))
  if (names.length === 0) return []
  return file.source
    .getDeclaredVariables(fn)
    .filter(
      ({ defs, references }) =>
        defs.some(({ name }) => names.includes(name as never)) && !isDoubted(references),
    )
}

/** The plain names that a parameter introduces; what has a default may be something else. */
function namesIn(parameter: TSESTree.Node): TSESTree.Identifier[] {
  switch (parameter.type) {
    case AST_NODE_TYPES.Identifier:
      return parameter.optional ? [] : [parameter]
    case AST_NODE_TYPES.TSParameterProperty:
      return namesIn(parameter.parameter)
    case AST_NODE_TYPES.ObjectPattern:
      return parameter.properties.flatMap((property) => {
        const { value } = property
        return value?.type === AST_NODE_TYPES.Identifier && mayBeTransaction.test(value.name) ? [value] : []
      })
    default:
      return []
  }
}

/** Whether `name`, by its type, holds a transaction and is never missing; by what it is called where there are no types. */
export function isAlwaysTransaction(
  file: LintedFile,
  name: TSESTree.Identifier | TSESTree.MemberExpression,
): boolean {
  const { services } = file
  const annotation = name.type === AST_NODE_TYPES.Identifier ? name.typeAnnotation : undefined
  const declared = annotation && file.source.getText(annotation)
  if (services === undefined) {
    if (declared !== undefined && !declaredAsTransaction.test(declared)) return false
    if (declared !== undefined && /\b(?:undefined|null)\b|Knex(?![.\w])|OrKnex/u.test(declared)) return false
    return file.handleAt(name) === 'transaction'
  }
  if (file.handleAt(name) !== 'transaction') return false
  // What a callback is handed: were it nothing at times, TypeScript would have the callback ask, which is looked at below.
  if (declared === undefined && name.parent.type !== AST_NODE_TYPES.Property) return true
  const type = services.getTypeAtLocation(name)
  const { Undefined, Null } = typescriptOf(services.program).TypeFlags
  return !type.isUnion() || type.types.every(({ flags }) => (flags & (Undefined | Null)) === 0)
}

/** Whether the function itself asks if it got one: `trx ?? knex`, `if (trx)`. */
function isDoubted(references: readonly TSESLint.Scope.Reference[]): boolean {
  return references.some(({ identifier }) => {
    const { parent } = identifier as TSESTree.Node
    switch (parent?.type) {
      case AST_NODE_TYPES.LogicalExpression:
        return parent.left === identifier
      case AST_NODE_TYPES.UnaryExpression:
        return parent.operator === '!' || parent.operator === 'typeof'
      case AST_NODE_TYPES.IfStatement:
      case AST_NODE_TYPES.ConditionalExpression:
        return parent.test === identifier
      default:
        return false
    }
  })
}
