import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { functionAround } from '../syntax/function-node.ts'
import { callOnOuter } from './call-on-outer.ts'
import { callbackOf, type Callback } from './callback.ts'
import { fixOf } from './edits.ts'
import { errorWayOf } from './error-way.ts'
import { isAnyInFlight } from './in-flight.ts'
import { inlineOnOuter } from './inline-on-outer.ts'
import { isKnexForCertain, othersOf, outerAt, type Outer } from './outer.ts'

/** A way to do without an inner transaction. */
export interface WithoutInner {
  /** The text of the outer one. */
  readonly outer: string
  /** Rows and outcome are the same in every case; else it hangs on a function that is not in sight. */
  readonly isProven: boolean
  readonly fix: TSESLint.ReportFixFunction
}

/** An inner transaction in callback form: `await outer.transaction(async (inner) => { … })`. */
export interface Inner {
  readonly call: TSESTree.CallExpression
  readonly outer: Outer
  readonly callback: Callback
}

/**
 * How to do what an inner transaction does in the outer one itself; `undefined` where its error is caught, which only a savepoint
 * survives, or where the text would not come out the same.
 */
export function useOuterTransaction(
  file: LintedFile,
  call: TSESTree.CallExpression,
  on: TSESTree.Node,
): WithoutInner | undefined {
  const { source, syntax } = file
  const [first, ...others] = call.arguments
  const work = call.arguments.at(-1)
  // What stands beside the callback are options, or the transaction that Objection opens it on.
  if (first !== work && (first !== on || others.length > 1)) return undefined
  const outer = outerAt(file, on)
  const callback = outer && callbackOf(source, syntax, work)
  if (callback === undefined) return undefined
  const way = errorWayOf(syntax, call, outer!.variable)
  if (way === 'caught') return undefined

  const inner: Inner = { call, outer: outer!, callback }
  const edits = inlineOnOuter(source, syntax, inner) ?? callOnOuter(inner)
  const fix = edits && fixOf(source, edits)
  const isProven = way === 'ends-outer' && fix !== undefined && isSameInEveryCase(file, on, inner)
  return fix && { outer: outer!.text, isProven, fix }
}

/** Nothing out of sight is handed the inner transaction, and nothing runs beside it. */
function isSameInEveryCase(file: LintedFile, on: TSESTree.Node, { call, outer, callback }: Inner): boolean {
  const { node, mentions, uses } = callback
  const elsewhere = othersOf(outer, call)
  return (
    !uses.has('handed') &&
    !controlsByHand.test(file.source.getText(node)) &&
    !isAnyInFlight(mentions, node, call) &&
    !isAnyInFlight(elsewhere, functionAround(call), call) &&
    isKnexForCertain(file, on, [...mentions, ...elsewhere])
  )
}

/** Transaction control in SQL. */
const controlsByHand = /\b(?:savepoint|rollback|commit|release)\b/iu
