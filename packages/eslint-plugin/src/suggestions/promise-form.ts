import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { fixOf, removeStatement } from './edits.ts'
import { errorWayOf } from './error-way.ts'
import { mentionsOf, useOf } from './handle-uses.ts'
import { outerAt } from './outer.ts'
import type { WithoutInner } from './outer-transaction.ts'
import { renameTo } from './rename.ts'
import { swallowsIn } from './swallows.ts'

/** An inner transaction in promise form, from the statement that opens it to the one that commits it, in one block. */
interface Stretch {
  readonly opening: TSESTree.VariableDeclaration
  readonly commit: TSESTree.ExpressionStatement
  /** The statements between them. */
  readonly work: readonly TSESTree.Statement[]
  /** The mentions of the inner transaction in these. */
  readonly mentions: readonly TSESTree.Node[]
}

/**
 * `const inner = await outer.transaction(); …; await inner.commit()`: both statements go, and `outer` takes the place of `inner`.
 * `undefined` where anything else ends it, for what is then to become of its error is a decision. Never proven: what is done is,
 * but an inner transaction that is left open by an error is nobody's plan.
 */
export function useOuterForPromise(
  file: LintedFile,
  call: TSESTree.CallExpression,
  on: TSESTree.Node,
): WithoutInner | undefined {
  const { source, syntax } = file
  const outer = outerAt(file, on)
  const stretch = outer?.variable && stretchOf(file, call)
  if (outer?.variable === undefined || stretch === undefined) return undefined
  if (errorWayOf(syntax, call, outer.variable) === 'caught') return undefined
  const renamed = renameTo(source, stretch.mentions, outer.variable)
  const removed = [stretch.opening, stretch.commit].map((statement) => removeStatement(source, statement))
  if (renamed === undefined || !removed.every((edit) => edit !== undefined)) return undefined
  const fix = fixOf(source, [...renamed, ...removed])
  return fix && { outer: outer.text, isProven: false, fix }
}

function stretchOf({ source, syntax }: LintedFile, call: TSESTree.CallExpression): Stretch | undefined {
  const declarator = call.parent.type === AST_NODE_TYPES.AwaitExpression ? call.parent.parent : undefined
  if (declarator?.type !== AST_NODE_TYPES.VariableDeclarator) return undefined
  const opening = declarator.parent
  const [inner, ...others] = source.getDeclaredVariables(opening)
  const mentions = inner && mentionsOf(inner)
  if (inner === undefined || mentions === undefined || others.length > 0) return undefined
  const [end, ...otherEnds] = mentions.filter((mention) => useOf(mention) === 'end')
  const commit = end && commitBy(end)
  const block = opening.parent
  if (commit === undefined || otherEnds.length > 0 || commit.parent !== block) return undefined
  if (block.type !== AST_NODE_TYPES.BlockStatement && block.type !== AST_NODE_TYPES.Program) return undefined
  const work = block.body.slice(block.body.indexOf(opening) + 1, block.body.indexOf(commit))
  const used = mentions.filter((mention) => mention !== end)
  const isPlain = used.every(
    (mention) => useOf(mention) !== 'other' && work.some((statement) => isWithin(mention, statement)),
  )
  const mayEndOtherwise = work.some(
    (statement) => swallowsIn(syntax, statement, inner) || mayLeave(syntax, statement),
  )
  return isPlain && !mayEndOtherwise ? { opening, commit, work, mentions: used } : undefined
}

/** The statement `await inner.commit()`. */
function commitBy(mention: TSESTree.Node): TSESTree.ExpressionStatement | undefined {
  const member = mention.parent
  const call = member?.parent
  if (member?.type !== AST_NODE_TYPES.MemberExpression || call?.type !== AST_NODE_TYPES.CallExpression)
    return undefined
  if (call.callee !== member || call.arguments.length > 0 || ASTUtils.getPropertyName(member) !== 'commit')
    return undefined
  const statement = call.parent.type === AST_NODE_TYPES.AwaitExpression ? call.parent.parent : undefined
  return statement?.type === AST_NODE_TYPES.ExpressionStatement ? statement : undefined
}

/** Control may go past the commit otherwise than by an error. */
function mayLeave(syntax: LintedFile['syntax'], statement: TSESTree.Statement): boolean {
  for (const { type } of nodesIn<TSESTree.Node>(syntax, statement, (child) => !isFunction(child))) {
    if (/^(?:Return|Break|Continue)Statement$|^YieldExpression$/u.test(type)) return true
  }
  return false
}
