import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { readChain } from './chain.ts'

/** A chain of builder calls on one table, as far as its text tells. */
export interface Query {
  /** The table's name or the model's, told apart from each other. */
  readonly table: string
  /** What runs it: `trx` in `trx('t')`, `.transacting(trx)` and `Model.query(trx)`; `undefined` for a model's own Knex. */
  readonly on: TSESTree.Expression | undefined
  readonly methods: ReadonlySet<string>
}

/** Reads a chain such as `trx('orders').where({ id }).first()` from its outermost call. */
export function queryOf(node: TSESTree.Node): Query | undefined {
  const { end, links } = readChain(node.type === AST_NODE_TYPES.AwaitExpression ? node.argument : node)
  const methods = new Set<string>()
  let on: TSESTree.Expression | undefined
  let table: string | undefined
  for (const { name: method, call } of links.toReversed()) {
    const { object } = call.callee as TSESTree.MemberExpression
    const given = firstOf(call)
    if (isKnexBase(call.callee, given)) return { table: textOf(given)!, on: on ?? call.callee, methods }
    if (method === 'query' && object.type === AST_NODE_TYPES.Identifier) {
      return { table: `model ${object.name}`, on: on ?? given, methods }
    }
    methods.add(method)
    if (method === 'transacting') on ??= given
    if (method === 'from' || method === 'into' || method === 'table') {
      table ??= textOf(given)
      if (table !== undefined && isEnd(object)) return { table, on: on ?? object, methods }
    }
  }
  if (end.type === AST_NODE_TYPES.CallExpression) {
    const given = firstOf(end)
    if (isKnexBase(end.callee, given)) return { table: textOf(given)!, on: on ?? end.callee, methods }
  }
  // `trx.select().from('t')`, `trx.insert(row).into('t')`
  return table !== undefined && isEnd(end)
    ? { table, on: on ?? (end as TSESTree.Expression), methods }
    : undefined
}

/** The outermost call of the chain that `call` stands in. */
export function chainOf(call: TSESTree.CallExpression): TSESTree.CallExpression {
  const member = call.parent
  if (member.type !== AST_NODE_TYPES.MemberExpression || member.object !== call) return call
  const next = member.parent
  const isPromise =
    member.property.type === AST_NODE_TYPES.Identifier &&
    /^(?:then|catch|finally)$/u.test(member.property.name)
  return next.type === AST_NODE_TYPES.CallExpression && next.callee === member && !isPromise
    ? chainOf(next)
    : call
}

/** The name of the method that a call calls. */
export function methodOf({ callee }: TSESTree.CallExpression): string | undefined {
  if (callee.type !== AST_NODE_TYPES.MemberExpression || callee.computed) return undefined
  return callee.property.type === AST_NODE_TYPES.Identifier ? callee.property.name : undefined
}

/** `trx('t')`, `this.trx('t')`: what is called is the Knex itself. */
function isKnexBase(callee: TSESTree.Expression, given: TSESTree.Expression | undefined): boolean {
  if (textOf(given) === undefined) return false
  if (callee.type === AST_NODE_TYPES.Identifier) return true
  return (
    callee.type === AST_NODE_TYPES.MemberExpression &&
    callee.property.type === AST_NODE_TYPES.Identifier &&
    /^(?:knex|db|conn|connection|client|trx|tx|\w*(?:Knex|Db|Trx|Tx))$/u.test(callee.property.name)
  )
}

function isEnd({ type }: TSESTree.Node): boolean {
  return type === AST_NODE_TYPES.Identifier || type === AST_NODE_TYPES.MemberExpression
}

function textOf(node: TSESTree.Expression | undefined): string | undefined {
  return node?.type === AST_NODE_TYPES.Literal && typeof node.value === 'string' ? node.value : undefined
}

function firstOf({ arguments: [first] }: TSESTree.CallExpression): TSESTree.Expression | undefined {
  return first?.type === AST_NODE_TYPES.SpreadElement ? undefined : first
}
