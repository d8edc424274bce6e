import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { handlerFunction, isKnownToSwallow, readingOf } from '../effects/swallowed.ts'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { isFunction } from '../syntax/function-node.ts'
import { alwaysThrows } from '../syntax/handler-end.ts'
import { isWithin } from '../syntax/is-within.ts'
import { useOf } from './handle-uses.ts'
import { outerAt } from './outer.ts'

type Variable = TSESLint.Scope.Variable

/**
 * Whether the function that opens a transaction on another one catches its error and goes on with the other: a savepoint by
 * meaning. Handlers further out, and those of which nothing is known, are no matter here.
 */
export function isOutlived(file: LintedFile, call: TSESTree.Node, on: TSESTree.Node): boolean {
  const outer = outerAt(file, on)?.variable
  const declarator = call.parent?.type === AST_NODE_TYPES.AwaitExpression ? call.parent.parent : undefined
  const [inner] =
    declarator?.type === AST_NODE_TYPES.VariableDeclarator ? file.source.getDeclaredVariables(declarator) : []
  const swallows: Swallows = (handler, error) => {
    const reading = readingOf(file, { error }, true)
    // To roll the inner one back is what a savepoint is for: the error goes no further by that.
    const ends = (each: TSESTree.CallExpression) => reading.ends(each) && !isCalledOn(each, inner)
    return isUsedIn(handler, outer) || !alwaysThrows({ ...reading, ends }, handler)
  }
  return isCaughtAbove(file, call, outer, swallows) || isRolledBackIn(inner, swallows)
}

/** Asked of a handler, and the name by which it knows the error. */
type Swallows = (handler: TSESTree.Node, error: string | undefined) => boolean

function isCaughtAbove(
  file: LintedFile,
  call: TSESTree.Node,
  outer: Variable | undefined,
  swallows: Swallows,
): boolean {
  for (const [above, child] of ancestorsOf(call)) {
    if (isFunction(above) || outer?.scope.block === above) return false
    if (above.type === AST_NODE_TYPES.TryStatement && child === above.block && above.handler !== null) {
      if (swallows(above.handler.body, nameIn(above.handler))) return true
    }
    const given = givenToCatch(above, child)
    if (given === undefined) continue
    const known = handlerFunction(file, given)
    if (known === undefined ? isKnownToSwallow(given) : swallows(known.handler, known.error)) return true
  }
  return false
}

/** `const inner = await outer.transaction(); try { … } catch { await inner.rollback() }` */
function isRolledBackIn(inner: Variable | undefined, swallows: Swallows): boolean {
  return (inner?.references ?? []).some(({ identifier }) => {
    const { parent } = identifier
    if (parent.type !== AST_NODE_TYPES.MemberExpression || ASTUtils.getPropertyName(parent) !== 'rollback')
      return false
    for (const [above] of ancestorsOf(identifier)) {
      if (isFunction(above)) return false
      if (above.type === AST_NODE_TYPES.CatchClause) return swallows(above.body, nameIn(above))
    }
    return false
  })
}

function nameIn({ param }: TSESTree.CatchClause): string | undefined {
  return param?.type === AST_NODE_TYPES.Identifier ? param.name : undefined
}

/** What `child` gives to `.catch(…)` in `child.catch(…)`. */
function givenToCatch(member: TSESTree.Node, child: TSESTree.Node): TSESTree.Node | undefined {
  if (member.type !== AST_NODE_TYPES.MemberExpression || member.object !== child) return undefined
  const call = member.parent
  const isCatch = call.type === AST_NODE_TYPES.CallExpression && ASTUtils.getPropertyName(member) === 'catch'
  return isCatch && call.callee === member ? call.arguments[0] : undefined
}

/** Something other than its end is done with a transaction. */
function isUsedIn(node: TSESTree.Node, variable: Variable | undefined): boolean {
  return (
    variable?.references.some(
      ({ identifier }) => isWithin(identifier, node) && useOf(identifier) !== 'end',
    ) === true
  )
}

function isCalledOn({ callee }: TSESTree.CallExpression, variable: Variable | undefined): boolean {
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return false
  return variable?.references.some(({ identifier }) => identifier === callee.object) === true
}
