import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'

/**
 * A way out of a handler: the error goes on as an error, or the transaction is ended; control leaves in another way, or only
 * a loop or a switch; or it comes out below.
 */
type End = 'throws' | 'leaves' | 'breaks' | 'goes on'

type Ends = ReadonlySet<End>

/** What a handler's reader has to know to follow it. */
export interface Reading {
  /** What a test comes to for the error in question; `undefined` where it may be either. */
  readonly holds: (test: TSESTree.Node) => boolean | undefined
  /** Whether a call throws, rejects, or ends the transaction. */
  readonly ends: (call: TSESTree.CallExpression) => boolean
}

/** Whether every way through a handler, a block or an arrow function's expression, throws or ends the transaction. */
export function alwaysThrows(reading: Reading, handler: TSESTree.Node): boolean {
  const ends =
    handler.type === AST_NODE_TYPES.BlockStatement
      ? endsOfAll(reading, handler.body)
      : endsOfExpression(reading, handler)
  return ends.size === 1 && ends.has('throws')
}

const goesOn: Ends = new Set(['goes on'])
const throws: Ends = new Set(['throws'])
const leaves: Ends = new Set(['leaves'])
const breaks: Ends = new Set(['breaks'])

function endsOfAll(reading: Reading, statements: readonly TSESTree.Statement[]): Ends {
  let ends = goesOn
  for (const statement of statements) {
    ends = then(ends, endsOfStatement(reading, statement))
    if (!ends.has('goes on')) break
  }
  return ends
}

function endsOfStatement(reading: Reading, statement: TSESTree.Statement): Ends {
  switch (statement.type) {
    case AST_NODE_TYPES.ThrowStatement:
      return throws
    case AST_NODE_TYPES.BreakStatement:
      return breaks
    case AST_NODE_TYPES.ContinueStatement:
      return leaves
    case AST_NODE_TYPES.ReturnStatement:
      return statement.argument === null
        ? leaves
        : then(endsOfExpression(reading, statement.argument), leaves)
    case AST_NODE_TYPES.BlockStatement:
      return endsOfAll(reading, statement.body)
    case AST_NODE_TYPES.ExpressionStatement:
      return endsOfExpression(reading, statement.expression)
    case AST_NODE_TYPES.VariableDeclaration:
      return statement.declarations.reduce(
        (ends, { init }) => (init === null ? ends : then(ends, endsOfExpression(reading, init))),
        goesOn,
      )
    case AST_NODE_TYPES.IfStatement: {
      const whenTrue = endsOfStatement(reading, statement.consequent)
      const whenFalse = statement.alternate === null ? goesOn : endsOfStatement(reading, statement.alternate)
      return decided(reading, statement.test, whenTrue, whenFalse)
    }
    case AST_NODE_TYPES.TryStatement:
      return endsOfTry(reading, statement)
    case AST_NODE_TYPES.SwitchStatement:
      return endsOfSwitch(reading, statement)
    default:
      return goesOn
  }
}

function endsOfTry(reading: Reading, { block, handler, finalizer }: TSESTree.TryStatement): Ends {
  const tried = endsOfAll(reading, block.body)
  // `try { await trx.rollback() } catch (failed) { log(failed) }`: what cannot be rolled back is closed.
  const isEnded = handler === null || (tried.size === 1 && tried.has('throws'))
  const ends = isEnded ? tried : union(tried, endsOfAll(reading, handler.body.body))
  const last = finalizer === null ? goesOn : endsOfAll(reading, finalizer.body)
  return last.has('goes on') ? ends : last
}

function endsOfSwitch(reading: Reading, { cases }: TSESTree.SwitchStatement): Ends {
  // A case without an end of its own falls into the next one; `break` comes out below.
  const ends = new Set<End>()
  for (const [index, { consequent }] of cases.entries()) {
    for (const end of endsOfAll(reading, consequent)) {
      if (end !== 'goes on' || index === cases.length - 1) ends.add(end === 'breaks' ? 'goes on' : end)
    }
  }
  return cases.some(({ test }) => test === null) ? ends : union(ends, goesOn)
}

/** `Promise.reject(error)`, `trx.rollback(error)` and what comes to one of them. */
function endsOfExpression(reading: Reading, node: TSESTree.Node): Ends {
  switch (node.type) {
    case AST_NODE_TYPES.AwaitExpression:
    case AST_NODE_TYPES.UnaryExpression:
      return endsOfExpression(reading, node.argument)
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
      return endsOfExpression(reading, node.expression)
    case AST_NODE_TYPES.ConditionalExpression: {
      const whenTrue = endsOfExpression(reading, node.consequent)
      return decided(reading, node.test, whenTrue, endsOfExpression(reading, node.alternate))
    }
    case AST_NODE_TYPES.LogicalExpression:
      return node.operator === '&&'
        ? decided(reading, node.left, endsOfExpression(reading, node.right), goesOn)
        : endsOfExpression(reading, node.left)
    case AST_NODE_TYPES.SequenceExpression:
      return node.expressions.reduce<Ends>(
        (ends, each) => then(ends, endsOfExpression(reading, each)),
        goesOn,
      )
    case AST_NODE_TYPES.CallExpression: {
      if (reading.ends(node)) return throws
      // `trx.rollback().then(() => …)`
      const { callee } = node
      return callee.type === AST_NODE_TYPES.MemberExpression
        ? endsOfExpression(reading, callee.object)
        : goesOn
    }
    default:
      return goesOn
  }
}

function decided(reading: Reading, test: TSESTree.Node, whenTrue: Ends, whenFalse: Ends): Ends {
  const holds = reading.holds(test)
  return holds === undefined ? union(whenTrue, whenFalse) : holds ? whenTrue : whenFalse
}

/** The ways out of one stretch and another behind it. */
function then(first: Ends, second: Ends): Ends {
  if (!first.has('goes on')) return first
  return new Set([...[...first].filter((end) => end !== 'goes on'), ...second])
}

function union(one: Ends, other: Ends): Ends {
  return new Set([...one, ...other])
}
