import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'

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
  const methods = new Set<string>()
  let on: TSESTree.Expression | undefined
  let table: string | undefined
  let current = withoutAwait(node)

  while (current.type === AST_NODE_TYPES.CallExpression) {
    const [first] = current.arguments
    const given = first?.type === AST_NODE_TYPES.SpreadElement ? undefined : first
    const { callee } = current
    if (isKnexBase(callee, given)) {
      const name = textOf(given) ?? table
      return name === undefined ? undefined : { table: name, on: on ?? callee, methods }
    }
    if (
      callee.type !== AST_NODE_TYPES.MemberExpression ||
      callee.property.type !== AST_NODE_TYPES.Identifier
    ) {
      return undefined
    }
    const method = callee.property.name
    if (method === 'query' && callee.object.type === AST_NODE_TYPES.Identifier) {
      return { table: `model ${callee.object.name}`, on: on ?? given, methods }
    }
    methods.add(method)
    if (method === 'transacting') on ??= given
    if (method === 'from' || method === 'into' || method === 'table') {
      table ??= textOf(given)
      if (table !== undefined && isEnd(callee.object)) return { table, on: on ?? callee.object, methods }
    }
    current = withoutAwait(callee.object)
  }
  // `trx.select().from('t')`, `trx.insert(row).into('t')`
  return table !== undefined && isEnd(current)
    ? { table, on: on ?? (current as TSESTree.Expression), methods }
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

function withoutAwait(node: TSESTree.Node): TSESTree.Node {
  switch (node.type) {
    case AST_NODE_TYPES.AwaitExpression:
      return withoutAwait(node.argument)
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
      return withoutAwait(node.expression)
    default:
      return node
  }
}
