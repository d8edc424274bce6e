import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import type { TransactionKey } from './transaction-key.ts'
import { isOpenAround, usesIn, type Use } from './uses.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

const many = 2

/** The first transaction on which what is handed to `Promise.all(…)` sends more than one thing at a time. */
export function concurrentUse(file: LintedFile, call: TSESTree.CallExpression): Use | undefined {
  const [given] = call.arguments
  if (given === undefined) return undefined
  const counts = new Map<TransactionKey, number>()
  for (const { expression, times } of promisesIn(file, given)) {
    // A transaction that each of them opens for itself is its own.
    const uses = usesIn(file, expression).filter((use) => isOpenAround(file, use, expression, call))
    for (const key of new Set(uses.map((use) => use.key))) {
      const count = (counts.get(key) ?? 0) + times
      counts.set(key, count)
      if (count >= many) return uses.find((use) => use.key === key)
    }
  }
  return undefined
}

/** An expression that makes a promise, once or many times. */
interface Promised {
  readonly expression: TSESTree.Node
  readonly times: number
}

/** What an iterable of promises is made of: the elements of an array, the function of `rows.map(…)`, what is pushed. */
function promisesIn(file: LintedFile, node: TSESTree.Node, depth = 0): Promised[] {
  if (depth > 4) return []
  const follow = (next: TSESTree.Node) => promisesIn(file, next, depth + 1)
  switch (node.type) {
    case AST_NODE_TYPES.ArrayExpression:
      return node.elements.flatMap((element) => {
        // What is awaited in its place is over before the next begins.
        if (element === null || element.type === AST_NODE_TYPES.AwaitExpression) return []
        return element.type === AST_NODE_TYPES.SpreadElement
          ? follow(element.argument)
          : [{ expression: element, times: 1 }]
      })
    case AST_NODE_TYPES.CallExpression:
      return promisesOfCall(file, node, follow)
    case AST_NODE_TYPES.ConditionalExpression:
      return [...follow(node.consequent), ...follow(node.alternate)]
    case AST_NODE_TYPES.Identifier:
      return promisesOfName(file, node, follow)
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
      return follow(node.expression)
    default:
      return []
  }
}

function promisesOfCall(
  file: LintedFile,
  call: TSESTree.CallExpression,
  follow: (next: TSESTree.Node) => Promised[],
): Promised[] {
  const name = file.syntax.calledName(call) ?? ''
  if (!/^(?:map|flatMap|mapValues|times|from|values|concat|filter|compact|flat|flatten)$/u.test(name))
    return []
  const fns = call.arguments
    .map((argument) => file.syntax.functionAt(argument))
    .filter((fn) => fn !== undefined && isFunction(fn))
    .map((fn) => ({ expression: fn, times: many }))
  const { callee } = call
  const isMap = /^(?:map|flatMap|mapValues|times|from)$/u.test(name)
  const before = callee.type === AST_NODE_TYPES.MemberExpression ? follow(callee.object) : []
  return isMap ? fns : [...before, ...call.arguments.flatMap(follow)]
}

/** `const queries = rows.map(…)`, `queries.push(…)` */
function promisesOfName(
  file: LintedFile,
  name: TSESTree.Identifier,
  follow: (next: TSESTree.Node) => Promised[],
): Promised[] {
  const variable = ASTUtils.findVariable(file.source.getScope(name), name)
  const definition = variable?.defs[0]
  if (variable === null || definition?.type !== TSESLint.Scope.DefinitionType.Variable) return []
  const { id, init } = definition.node
  const isPlain = id.type === AST_NODE_TYPES.Identifier && init !== null
  const pushed = variable.references.flatMap(({ identifier }) => {
    const member = (identifier as TSESTree.Node).parent
    if (member?.type !== AST_NODE_TYPES.MemberExpression || member.object !== identifier) return []
    const call = member.parent
    const isPush = call.type === AST_NODE_TYPES.CallExpression && ASTUtils.getPropertyName(member) === 'push'
    if (!isPush) return []
    const times = isInLoop(call, definition.node) ? many : 1
    return call.arguments.map((expression) => ({ expression, times }))
  })
  return [...(isPlain ? follow(init) : []), ...pushed]
}

/** Whether `node` runs many times for each time that `declared` does. */
function isInLoop(node: TSESTree.Node, declared: TSESTree.Node): boolean {
  for (let above = node.parent; above !== undefined && !isWithin(declared, above); above = above.parent) {
    if (/^(?:For|While|DoWhile)/u.test(above.type) || isFunction(above)) return true
  }
  return false
}
