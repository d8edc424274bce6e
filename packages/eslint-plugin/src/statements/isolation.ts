import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { isDeclaredIn } from '../knex/handle-of-type.ts'
import type { LintedFile } from '../linted-file.ts'
import { constantObject } from '../sql/constant.ts'
import { sqlTextsOf } from '../sql/text-of.ts'
import { isKnex } from '../knex/builder-call.ts'

const openers = new Set(['transaction', 'transactionProvider', 'startTransaction', 'start'])

/** What an option `isolationLevel` that asks for SERIALIZABLE is set to, in an object that is handed to what opens a transaction. */
export function serializableIn(file: LintedFile, call: TSESTree.CallExpression): TSESTree.Node[] {
  const { callee } = call
  const name = callee.type === AST_NODE_TYPES.Identifier ? callee.name : nameOfMember(callee)
  if (name === undefined) return []
  const isOpener = openers.has(name)
  if (!isOpener && !file.settings.transactionFunctions.has(name)) return []
  const found = call.arguments.flatMap((argument) => {
    const object = constantObject(file.source, argument)
    return object?.properties.flatMap((property) => serializable(file, property)) ?? []
  })
  // Types are asked last: few transactions say how they are isolated.
  return found.length > 0 && (!isOpener || opensOnKnex(file, call)) ? found : []
}

/** The same option where the types say that it is Knex's: in an object that a function of one's own is handed. */
export function isSerializableOfKnex(file: LintedFile, property: TSESTree.Property): boolean {
  const { services } = file
  const object = property.parent
  if (services === undefined || object.type !== AST_NODE_TYPES.ObjectExpression) return false
  if (serializable(file, property).length === 0) return false
  if (object.parent.type === AST_NODE_TYPES.CallExpression && file.isOnWriter(object.parent.callee))
    return false
  const checker = services.program.getTypeChecker()
  const type = checker.getContextualType(services.esTreeNodeToTSNodeMap.get(object))
  const option = type && checker.getPropertyOfType(checker.getNonNullableType(type), 'isolationLevel')
  return isDeclaredIn(option, 'knex')
}

function serializable(file: LintedFile, property: TSESTree.ObjectLiteralElement): TSESTree.Node[] {
  if (property.type !== AST_NODE_TYPES.Property || ASTUtils.getPropertyName(property) !== 'isolationLevel')
    return []
  const texts = sqlTextsOf(file, property.value)
  const isSerializable = texts.some(
    ([only, ...others]) => others.length === 0 && only?.text.toLowerCase() === 'serializable',
  )
  return isSerializable ? [property.value] : []
}

/** Sequelize, TypeORM and others have options of that name. */
function opensOnKnex(file: LintedFile, { callee, arguments: given }: TSESTree.CallExpression): boolean {
  if (callee.type === AST_NODE_TYPES.MemberExpression && isKnex(file, callee.object)) return true
  // Objection's `Model.transaction(knex, …)`, `transaction.start(knex)`
  return given[0] !== undefined && isKnex(file, given[0])
}

function nameOfMember(callee: TSESTree.Node): string | undefined {
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return undefined
  return ASTUtils.getPropertyName(callee) ?? undefined
}
