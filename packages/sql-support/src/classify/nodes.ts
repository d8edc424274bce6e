import type { A_Const, DefElem, FuncCall, IntoClause, OnConflictClause, RangeVar } from '@pgsql/types'
import type { SyntaxNode } from '../grammar/parse.ts'

/** A node's type and its fields. */
export interface TypedNode {
  readonly type: string
  readonly fields: SyntaxNode
}

/** Takes a node out of its wrapper: `{ SelectStmt: { … } }`. */
export function unwrap(node: unknown): TypedNode {
  const wrapper = node as Readonly<Record<string, SyntaxNode>>
  const type = Object.keys(wrapper)[0]!
  return { type, fields: wrapper[type]! }
}

/** The text of a list of String nodes: a qualified name. */
export function nameParts(names: FuncCall['funcname']): string[] {
  return (names ?? []).map((part) => ('String' in part ? (part.String.sval ?? '') : ''))
}

/** The constant in a node, as text; `undefined` for any other expression. The grammar leaves zero and '' away. */
export function constantText(node: unknown): string | undefined {
  const value = constant(node)
  if (value === undefined) return undefined
  if (value.sval) return value.sval.sval ?? ''
  if (value.ival) return String(value.ival.ival ?? 0)
  if (value.fval) return value.fval.fval ?? ''
  if (value.boolval) return String(value.boolval.boolval ?? false)
  return undefined
}

/** Where a constant stands, in UTF-8 bytes. */
export function constantLocation(node: unknown): number | undefined {
  return constant(node)?.location
}

/** `text 'x'` and `'x'::text` count as the constant they cast. */
function constant(node: unknown): A_Const | undefined {
  if (typeof node !== 'object' || node === null) return undefined
  if ('A_Const' in node) return node.A_Const as A_Const
  if ('TypeCast' in node) return constant((node.TypeCast as { arg?: unknown }).arg)
  return undefined
}

/** The options in a list: `WITH (…)`, `ISOLATION LEVEL …`, `ANALYZE`. */
export function options(list: unknown): readonly DefElem[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: { DefElem?: DefElem }) => (item.DefElem ? [item.DefElem] : []))
}

/** How the server reads a setting that is on or off. */
export function isOff(value: string | undefined): boolean {
  return value !== undefined && /^(?:off?|f|fa|fal|fals|false|no?|0)$/i.test(value)
}

export type { DefElem, FuncCall, IntoClause, OnConflictClause, RangeVar }
