import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type * as ts from 'typescript'
import { chainOf, queryOf } from './query.ts'
import type { LintedFile } from '../linted-file.ts'

type Method = TSESTree.CallExpression & { callee: TSESTree.MemberExpression }

/** A call of a method by one of these names: `schema.createTable(…)`, also by a string key. */
export function isCallOf(names: ReadonlySet<string>, call: TSESTree.CallExpression): call is Method {
  if (call.callee.type !== AST_NODE_TYPES.MemberExpression) return false
  const name = ASTUtils.getPropertyName(call.callee)
  return name !== null && names.has(name)
}

/** Where the types declare what a call calls: the package, and the interface or class in it. */
export interface Declared {
  readonly package: string | undefined
  readonly within: string | undefined
}

/** What declares the method that is called; none without types, and where they do not tell. */
export function declaredBy({ services }: LintedFile, { callee }: Method): readonly Declared[] {
  const declarations = services?.getSymbolAtLocation(callee.property)?.declarations ?? []
  return declarations.map((declaration) => ({
    package: packageOf(declaration.getSourceFile().fileName),
    within: nameOf(declaration.parent),
  }))
}

/** Whether the method that is called is one of Knex's query builder or of Objection's. */
export function isOnBuilder(file: LintedFile, call: Method): boolean {
  const declared = declaredBy(file, call)
  if (declared.length > 0) return declared.some(isOfKnex)
  const query = queryOf(chainOf(call))
  if (query === undefined) return isOnRaw(file, call.callee.object)
  return query.on === undefined || isKnex(file, query.on)
}

/** Whether the method that is called is a builder's by its type. */
export function isDeclaredByKnex(file: LintedFile, call: TSESTree.CallExpression): boolean {
  return isMethod(call) && declaredBy(file, call).some(isOfKnex)
}

function isOfKnex({ package: name }: Declared): boolean {
  return name === 'knex' || name === 'objection'
}

function isMethod(call: TSESTree.CallExpression): call is Method {
  return call.callee.type === AST_NODE_TYPES.MemberExpression
}

/** Whether an expression holds a Knex or a transaction for certain. */
export function isKnex({ handleAt }: LintedFile, node: TSESTree.Node): boolean {
  const handle = handleAt(node)
  return handle === 'knex' || handle === 'transaction' || handle === 'either'
}

/** `knex.raw('…').stream()` */
function isOnRaw(file: LintedFile, node: TSESTree.Node): boolean {
  return (
    node.type === AST_NODE_TYPES.CallExpression && isCallOf(raw, node) && isKnex(file, node.callee.object)
  )
}

const raw = new Set(['raw'])

/** The package that a file is installed with; its types count as the package. */
export function packageOf(path: string): string | undefined {
  return /.*\/node_modules\/(?:@types\/)?((?:@[^/]+\/)?[^/]+)\//u.exec(path)?.[1]
}

function nameOf(node: ts.Node): string | undefined {
  const { name } = node as { name?: ts.Node }
  return name && 'text' in name && typeof name.text === 'string' ? name.text : undefined
}
