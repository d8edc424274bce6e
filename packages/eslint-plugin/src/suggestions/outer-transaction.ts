import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { callbackOf, type Callback } from './callback.ts'
import { fixOf } from './edits.ts'
import { errorWayOf, type ErrorWay } from './error-way.ts'
import { callOnOuter } from './call-on-outer.ts'
import { inlineOnOuter } from './inline-on-outer.ts'

type Source = Readonly<TSESLint.SourceCode>

/** The inner transaction dropped, and what it does done in the outer one. */
export interface OuterTransaction {
  /** The text of the outer one. */
  readonly outer: string
  /** Certain: rows and outcome are the same in every case. Else it hangs on a function that is not in sight. */
  readonly isProven: boolean
  readonly fix: TSESLint.ReportFixFunction
}

/** An inner transaction in callback form: `await outer.transaction(async (inner) => { … })`. */
export interface Inner {
  readonly call: TSESTree.CallExpression
  /** The text of what it is opened on. */
  readonly text: string
  /** The variable that text names; `undefined` for a field. */
  readonly outer: TSESLint.Scope.Variable | undefined
  readonly callback: Callback
}

/**
 * How to do without the inner transaction that `call` opens on `on`, a transaction for certain; `undefined` where its error is
 * caught, which only a savepoint survives, or where the text would not come out the same.
 */
export function useOuterTransaction(
  source: Source,
  call: TSESTree.CallExpression,
  on: TSESTree.Node,
): OuterTransaction | undefined {
  if (on.type !== AST_NODE_TYPES.Identifier && !isField(on)) return undefined
  const work = call.arguments.at(-1)
  // What stands beside it are options, or the transaction that Objection opens it on.
  const [first, ...others] = call.arguments
  if (first !== work && (first !== on || others.length > 1)) return undefined
  const callback = callbackOf(source, work)
  if (callback === undefined || call.optional) return undefined
  const outer = variableOf(source, on)
  if (on.type === AST_NODE_TYPES.Identifier && (outer === undefined || !isSteady(outer))) return undefined
  const way = errorWayOf(source, call, outer)
  if (way === 'caught') return undefined

  const text = source.getText(on)
  const inner: Inner = { call, text, outer, callback }
  const edits = inlineOnOuter(source, inner) ?? callOnOuter(inner)
  const fix = edits && fixOf(source, edits)
  return fix && { outer: text, isProven: isProven(callback, way), fix }
}

/** `this.trx` where it stands in for the inner one in the same object, `context.trx`. */
function isField(node: TSESTree.Node): node is TSESTree.MemberExpression {
  if (node.type !== AST_NODE_TYPES.MemberExpression || node.computed || node.optional) return false
  const { object } = node
  return object.type === AST_NODE_TYPES.ThisExpression || object.type === AST_NODE_TYPES.Identifier || isField(object)
}

function variableOf(source: Source, node: TSESTree.Node): TSESLint.Scope.Variable | undefined {
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  return ASTUtils.findVariable(source.getScope(node), node) ?? undefined
}

/** Never assigned anew, and without a default that would make it a root for some callers. */
function isSteady({ defs, references }: TSESLint.Scope.Variable): boolean {
  const name = defs[0]?.name
  return (
    defs.length === 1 &&
    name?.parent?.type !== AST_NODE_TYPES.AssignmentPattern &&
    references.every((reference) => !reference.isWrite() || reference.init === true)
  )
}

function isProven({ uses }: Callback, way: ErrorWay): boolean {
  return way === 'ends-outer' && !uses.has('handed')
}
