import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { constantValue } from '../sql/constant.ts'
import { declaredBy, isCallOf, isKnex, isOnBuilder } from '../knex/builder-call.ts'

/** A statement that a method sends. */
export interface MethodStatement {
  readonly rule: 'ddl' | 'truncate'
  readonly node: TSESTree.Node
  readonly words: string
}

/** Methods of the schema builder that define something; `hasTable` and `hasColumn` ask. */
const defining = new Set(
  `createTable createTableIfNotExists createTableLike alterTable table renameTable dropTable dropTableIfExists createView
   createViewOrReplace createMaterializedView refreshMaterializedView dropView dropViewIfExists dropMaterializedView
   dropMaterializedViewIfExists renameView view alterView createSchema createSchemaIfNotExists dropSchema dropSchemaIfExists
   createExtension createExtensionIfNotExists dropExtension dropExtensionIfExists`.split(/\s+/u),
)
const migrating = new Set(['latest', 'up', 'down', 'rollback'])
const truncating = new Set(['truncate'])

/** What is refused of what a call sends by the name of its method; SQL in it is another matter. */
export function methodStatementAt(
  file: LintedFile,
  call: TSESTree.CallExpression,
): MethodStatement | undefined {
  if (isCallOf(truncating, call)) {
    if (!isOnBuilder(file, call) || file.isOnWriter(call.callee)) return undefined
    return { rule: 'truncate', node: call.callee.property, words: '.truncate()' }
  }
  if (isCallOf(defining, call)) {
    const name = ASTUtils.getPropertyName(call.callee)!
    return ofSchema(file, call)
      ? { rule: 'ddl', node: call.callee.property, words: `schema.${name}()` }
      : undefined
  }
  if (isCallOf(migrating, call)) {
    const name = ASTUtils.getPropertyName(call.callee)!
    return ofMigrate(file, call)
      ? { rule: 'ddl', node: call.callee.property, words: `migrate.${name}()` }
      : undefined
  }
  return undefined
}

type Method = Parameters<typeof isOnBuilder>[1]

function ofSchema(file: LintedFile, call: Method): boolean {
  const declared = declaredBy(file, call)
  const isSchema = ({ package: name, within }: (typeof declared)[number]) =>
    name === 'knex' && within === 'SchemaBuilder'
  if (declared.length > 0) return declared.some(isSchema) && !file.isOnWriter(call.callee)
  const knex = baseOf(file, call.callee.object, 'schema')
  return knex !== undefined && isKnex(file, knex) && !file.isOnWriter(knex)
}

/** On a transaction that is open it is another rule's business. */
function ofMigrate(file: LintedFile, { callee: { object } }: Method): boolean {
  const knex = object.type === AST_NODE_TYPES.MemberExpression ? baseOf(file, object, 'migrate') : undefined
  if (knex === undefined || file.isOnWriter(knex)) return false
  const handle = file.handleAt(knex)
  return handle === 'knex' || handle === 'either'
}

/** What has the property that a chain of calls begins with: `knex` of `knex.schema.withSchema('a')`. */
function baseOf({ source }: LintedFile, chain: TSESTree.Node, property: string): TSESTree.Node | undefined {
  let node = chain
  for (let names = 0; names < 8;) {
    if (node.type === AST_NODE_TYPES.CallExpression) {
      node = node.callee
    } else if (node.type === AST_NODE_TYPES.MemberExpression) {
      if (ASTUtils.getPropertyName(node) === property) return node.object
      node = node.object
    } else {
      const value = constantValue(source, node)
      if (value === undefined) return undefined
      node = value
      names += 1
    }
  }
  return undefined
}
