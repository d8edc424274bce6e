import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { statementsOf } from '../extent/extent.ts'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { isFunction } from '../syntax/function-node.ts'

/** What runs its body again and again: a loop, or a function handed to `map`, `forEach` and the like. */
export interface Loop {
  readonly node: TSESTree.Node
  /** It goes over a collection, as opposed to a condition. */
  readonly isOverCollection: boolean
}

const iterating =
  /^(?:map|flatMap|forEach|each|eachSeries|mapSeries|eachLimit|mapLimit|pMap|mapValues|times)$/u

/** The innermost loop that runs `node` again and again; none where control leaves it once `node` has run. */
export function loopAround(file: LintedFile, node: TSESTree.Node): Loop | undefined {
  for (const [above, child] of ancestorsOf(node)) {
    switch (above.type) {
      case AST_NODE_TYPES.ForOfStatement:
      case AST_NODE_TYPES.ForInStatement:
        return above.body === child ? loop(file, above, true) : undefined
      case AST_NODE_TYPES.ForStatement:
        return above.body === child ? loop(file, above, above.update !== null) : undefined
      case AST_NODE_TYPES.WhileStatement:
      case AST_NODE_TYPES.DoWhileStatement:
        return above.body === child ? loop(file, above, false) : undefined
      case AST_NODE_TYPES.ReturnStatement:
        // Of a loop it is the end; of a function handed to `map` it is the promise.
        if (!isIteratedBy(file, functionAround(above))) return undefined
        break
      default:
        if (isFunction(above)) return isIteratedBy(file, above) ? loop(file, above.parent, true) : undefined
        if (leavesBehind(above, child)) return undefined
    }
  }
  return undefined
}

function functionAround(node: TSESTree.Node): TSESTree.Node | undefined {
  for (const [above] of ancestorsOf(node)) {
    if (isFunction(above)) return above
    if (/^(?:For|While|DoWhile)/u.test(above.type)) return undefined
  }
  return undefined
}

function isIteratedBy(file: LintedFile, fn: TSESTree.Node | undefined): boolean {
  const call = fn?.parent
  if (call?.type !== AST_NODE_TYPES.CallExpression || call.callee === fn) return false
  return iterating.test(file.syntax.calledName(call) ?? '')
}

/** `await insert(row); return`: the next round only comes after a failure. */
function leavesBehind(block: TSESTree.Node, child: TSESTree.Node): boolean {
  const statements = statementsOf(block) ?? []
  return statements
    .slice(statements.indexOf(child) + 1)
    .some(
      ({ type }) =>
        type === AST_NODE_TYPES.ReturnStatement ||
        type === AST_NODE_TYPES.BreakStatement ||
        type === AST_NODE_TYPES.ThrowStatement,
    )
}

/** Not one that counts attempts, nor one over a few things that are written out. */
function loop(file: LintedFile, node: TSESTree.Node, isOverCollection: boolean): Loop | undefined {
  const [header = ''] = file.source.getText(node).split('{')
  const over = node.type === AST_NODE_TYPES.ForOfStatement ? node.right.type : undefined
  const isFew = over === AST_NODE_TYPES.ArrayExpression
  return isFew || /attempt|retr(?:y|ies)|\btries\b/iu.test(header) ? undefined : { node, isOverCollection }
}
