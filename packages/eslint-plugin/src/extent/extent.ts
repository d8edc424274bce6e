import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'

/** Code that runs while one transaction is open. */
export interface Extent {
  /**
   * How it begins: `callback` with a function that is handed to what opens the transaction, `started` behind a statement that
   * opens it (`const trx = await knex.transaction()`), `client` behind `BEGIN` on a client of pg or with a callback that is handed one,
   * `handed` with a function that takes an open transaction.
   */
  readonly kind: 'callback' | 'started' | 'client' | 'handed'
  /** The function or the block that it is a part of: it never reaches beyond. */
  readonly root: TSESTree.Node
  /** The statement of `root` behind which it begins; absent where that is the root's own beginning. */
  readonly start: TSESTree.Node | undefined
  /** The call that opens the transaction; `undefined` where that is elsewhere. */
  readonly opening: TSESTree.CallExpression | undefined
  /** What it is opened on, as far as that is in sight. */
  readonly on: TSESTree.Node | undefined
  /** What holds the transaction or the client; `undefined` where the code reaches it in another way: `withTransaction(async () => …)`. */
  readonly variable: TSESLint.Scope.Variable | undefined
}

/** The statements of what holds statements, in their order. */
export function statementsOf(node: TSESTree.Node): readonly TSESTree.Node[] | undefined {
  switch (node.type) {
    case AST_NODE_TYPES.BlockStatement:
    case AST_NODE_TYPES.Program:
    case AST_NODE_TYPES.StaticBlock:
      return node.body
    case AST_NODE_TYPES.SwitchCase:
      return node.consequent
    default:
      return undefined
  }
}
