import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { readChain, type Link } from './chain.ts'
import { mayBuildQuery } from './doing.ts'

/** A query that a chain of calls builds: `trx('t').where(…).first()`, `trx.raw(…)`, `Model.query(trx).insert(…)`. */
export interface BuiltQuery {
  /** What runs it; `undefined` for a model's own Knex. */
  readonly on: TSESTree.Node | undefined
  /** The table, where it is an argument of `trx(…)`, `.from(…)`, `.into(…)` or `.table(…)`. */
  readonly table: TSESTree.Node | undefined
  /** The model's name or instance, for Objection's queries. */
  readonly model: TSESTree.Node | undefined
  /** The methods behind what begins it. */
  readonly links: readonly Link[]
}

/** Objection's methods that begin a query, and which argument holds the transaction. */
const modelQueries: ReadonlyMap<string, number> = new Map([
  ['query', 0],
  ['$query', 0],
  ['relatedQuery', 1],
  ['$relatedQuery', 1],
])

/** What a transaction or a Knex does that is no query. */
const notQueries = new Set([
  'transaction',
  'transactionProvider',
  'commit',
  'rollback',
  'savepoint',
  'isCompleted',
  'isTransaction',
  'on',
  'once',
  'off',
  'addListener',
  'removeListener',
  'ref',
  'destroy',
  'initialize',
  'toString',
  'toQuery',
  'toSQL',
])

/** Reads the query that `outermost`, the last call of a chain, builds; `undefined` for every other call. */
export function builtQueryAt(file: LintedFile, outermost: TSESTree.CallExpression): BuiltQuery | undefined {
  const { end, links } = readChain(outermost)
  const query = byModel(links) ?? byKnex(file, end, links)
  if (query === undefined) return undefined
  const transacting = links.find(({ name }) => name === 'transacting')?.call.arguments[0]
  const named = query.links.find(({ name }) => name === 'from' || name === 'into' || name === 'table')
  return {
    ...query,
    on: transacting ?? query.on,
    table: query.table ?? named?.call.arguments[0],
  }
}

function byModel(links: readonly Link[]): BuiltQuery | undefined {
  const [first, ...others] = links
  const position = first && modelQueries.get(first.name)
  if (first === undefined || position === undefined) return undefined
  const { callee } = first.call
  const model = callee.type === AST_NODE_TYPES.MemberExpression ? callee.object : undefined
  const given = first.call.arguments[position]
  const isSql = first.name === 'query' && (isText(first.call.arguments[0]) || !isModelName(model))
  return isSql ? undefined : { on: given, table: undefined, model, links: others }
}

/** `client.query('SELECT 1')` of pg is no model's. */
function isText(node: TSESTree.Node | undefined): boolean {
  return node?.type === AST_NODE_TYPES.Literal || node?.type === AST_NODE_TYPES.TemplateLiteral
}

function isModelName(node: TSESTree.Node | undefined): boolean {
  if (node?.type === AST_NODE_TYPES.CallExpression || node?.type === AST_NODE_TYPES.ThisExpression)
    return true
  const name =
    node?.type === AST_NODE_TYPES.Identifier
      ? node.name
      : node?.type === AST_NODE_TYPES.MemberExpression && node.property.type === AST_NODE_TYPES.Identifier
        ? node.property.name
        : ''
  return /^[A-Z]|[mM]odel$/u.test(name)
}

function byKnex(file: LintedFile, end: TSESTree.Node, links: readonly Link[]): BuiltQuery | undefined {
  if (end.type === AST_NODE_TYPES.CallExpression) {
    // `trx('t')`
    const isKnexCalled = isName(end.callee) && isKnex(file, end.callee)
    return isKnexCalled ? { on: end.callee, table: end.arguments[0], model: undefined, links } : undefined
  }
  const [first, ...others] = links
  if (first === undefined || !isName(end)) return undefined
  const { callee } = first.call
  // `this.trx('t')`
  if (callee.type === AST_NODE_TYPES.MemberExpression && mayBeField(first.name) && isKnex(file, callee)) {
    return { on: callee, table: first.call.arguments[0], model: undefined, links: others }
  }
  if (notQueries.has(first.name) || !isWorthAsking(end, first.name) || !isKnex(file, end)) return undefined
  return { on: end, table: undefined, model: undefined, links }
}

function isName({ type }: TSESTree.Node): boolean {
  return (
    type === AST_NODE_TYPES.Identifier ||
    type === AST_NODE_TYPES.MemberExpression ||
    type === AST_NODE_TYPES.ThisExpression
  )
}

function isKnex(file: LintedFile, node: TSESTree.Node): boolean {
  const handle = file.handleAt(node)
  return handle === 'transaction' || handle === 'knex' || handle === 'either'
}

/** A method of an application's own, `trx.getOne(…)`, is known by what it is called on. */
function isWorthAsking(end: TSESTree.Node, method: string): boolean {
  if (mayBuildQuery(method)) return true
  const name = end.type === AST_NODE_TYPES.MemberExpression ? ASTUtils.getPropertyName(end) : undefined
  return mayBeField(end.type === AST_NODE_TYPES.Identifier ? end.name : (name ?? ''))
}

/** A field that may be called as a Knex is; of what is called like a builder's method the type is not asked. */
function mayBeField(name: string): boolean {
  return /knex|db|database|trx|tx|transaction|conn|client|pg/iu.test(name)
}
