import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { methodOf } from '../knex/query.ts'

/** `on('table').method(first).method(second)`, and nothing else in it. */
export interface PlainQuery {
  readonly on: TSESTree.Expression
  readonly table: TSESTree.StringLiteral
  readonly methods: readonly { readonly name: string; readonly arguments: readonly TSESTree.Node[] }[]
}

/** Reads a query whose every part is in sight. */
export function plainQueryOf(node: TSESTree.Node): PlainQuery | undefined {
  const methods: PlainQuery['methods'][number][] = []
  let current = node
  while (current.type === AST_NODE_TYPES.CallExpression) {
    const { callee, arguments: given } = current
    const [first] = given
    if (
      given.length === 1 &&
      first?.type === AST_NODE_TYPES.Literal &&
      typeof first.value === 'string' &&
      isHandleText(callee)
    ) {
      return { on: callee, table: first, methods: methods.reverse() }
    }
    const name = methodOf(current)
    if (name === undefined || callee.type !== AST_NODE_TYPES.MemberExpression) return undefined
    methods.push({ name, arguments: given })
    current = callee.object
  }
  return undefined
}

/** `trx`, `this.trx`; a method of a builder is called on another call. */
function isHandleText(callee: TSESTree.Expression): boolean {
  if (callee.type === AST_NODE_TYPES.Identifier || callee.type === AST_NODE_TYPES.ThisExpression) return true
  return callee.type === AST_NODE_TYPES.MemberExpression && !callee.computed && isHandleText(callee.object)
}
