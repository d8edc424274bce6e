import { WRITING_FUNCTION_RULES, functionRule } from '../catalog/function-rules.ts'
import type { SyntaxNode } from '../grammar/parse.ts'
import type { FunctionCall, Span } from '../statement.ts'
import type { Context } from './context.ts'
import type { Findings } from './findings.ts'
import { constantText, nameParts } from './nodes.ts'
import type { FuncCall, IntoClause, OnConflictClause, RangeVar } from './nodes.ts'
import { readSetConfig } from './settings.ts'

const DML_WORDS: Readonly<Record<string, string>> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
}

const LOCKING_WORDS = [
  ['FOR', 'UPDATE'],
  ['FOR', 'NO', 'KEY', 'UPDATE'],
  ['FOR', 'SHARE'],
  ['FOR', 'KEY', 'SHARE'],
]

// Most of a tree is made of these, and nothing that is looked for stands below them.
const LEAVES: ReadonlySet<string> = new Set(['A_Const', 'ColumnRef', 'ParamRef', 'typeName', 'alias'])

const INV_READ = '262144'

/**
 * Looks at everything below a statement that is going to be executed, however deep: calls, row locks, writing CTEs,
 * ON CONFLICT, INTO. Walks without recursion, so that depth costs memory, not stack.
 */
export function inspect(root: SyntaxNode, context: Context, stretch: Span, findings: Findings): void {
  const types: string[] = ['']
  const nodes: object[] = [root]
  let lockingClauses = 0
  while (nodes.length > 0) {
    const node = nodes.pop()!
    const type = types.pop()!
    if (type === 'LockingClause') lockingClauses += 1
    else if (type !== '') visit(type, node, context, stretch, findings)
    pushChildren(node as SyntaxNode, types, nodes)
  }
  if (lockingClauses > 0) rowLocks(lockingClauses, context, stretch, findings)
}

function pushChildren(node: SyntaxNode, types: string[], nodes: object[]): void {
  if (Array.isArray(node)) {
    for (let index = node.length - 1; index >= 0; index -= 1) push(node[index], '', types, nodes)
    return
  }
  const keys = Object.keys(node)
  for (let index = keys.length - 1; index >= 0; index -= 1) {
    const key = keys[index]!
    if (!LEAVES.has(key)) push(node[key], key, types, nodes)
  }
}

function push(child: unknown, type: string, types: string[], nodes: object[]): void {
  if (typeof child !== 'object' || child === null) return
  nodes.push(child)
  types.push(type)
}

function visit(type: string, node: object, context: Context, stretch: Span, findings: Findings): void {
  switch (type) {
    case 'FuncCall':
      call(node, context, findings)
      break
    case 'onConflictClause': {
      const { location = 0 } = node as OnConflictClause
      findings.writeHit('on-conflict', context.words.at(context.toUtf16(location), 2))
      break
    }
    case 'intoClause':
      into((node as IntoClause).rel, context, stretch, findings)
      break
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const word = dmlWord(type, node as SyntaxNode, context, stretch)
      findings.writeHit('writing-cte', word)
      if (type === 'MergeStmt') findings.hit('merge', word)
    }
  }
}

/** The word that opens an INSERT, UPDATE, DELETE or MERGE: the last such word before the table's name. */
export function dmlWord(type: string, fields: SyntaxNode, context: Context, stretch: Span): Span {
  const { location = 0 } = fields.relation as RangeVar
  const table = context.toUtf16(location)
  return context.words.findLast([DML_WORDS[type]!], stretch.start, table) ?? context.words.at(table)
}

function call(node: FuncCall, context: Context, findings: Findings): void {
  const found = functionCall(node, context)
  findings.functions.push(found)
  const rule = functionRule(found.schema, found.name)
  if (rule === undefined) {
    if (found.name === 'set_config') readSetConfig(node, context, findings)
    return
  }
  if (rule === 'large-object' && found.name === 'lo_open' && constantText(node.args?.[1]) === INV_READ) return
  if (WRITING_FUNCTION_RULES.has(rule)) findings.writeHit(rule, found)
  else findings.hit(rule, found)
}

/** The function that a call names, and where it is named. */
export function functionCall(node: FuncCall, context: Context): FunctionCall {
  const parts = nameParts(node.funcname)
  const name = parts.at(-1) ?? ''
  // For `extract(… FROM …)` and the like the grammar itself puts pg_catalog before the name.
  const schema = node.funcformat === 'COERCE_SQL_SYNTAX' ? undefined : parts.at(-2)
  const start = context.toUtf16(node.location ?? 0)
  const span = writtenPlainly(context.text, start, name)
    ? { start, end: start + name.length }
    : context.words.nameAt(start)
  return Object.freeze({ ...span, name, ...(schema !== undefined && { schema }) })
}

/** An unqualified, unquoted name needs no tokens to be measured. */
function writtenPlainly(text: string, start: number, name: string): boolean {
  const end = start + name.length
  return text.slice(start, end).toLowerCase() === name && !/[\w$."\s/\u0080-\uffff-]/.test(text[end] ?? '')
}

function into(target: RangeVar | undefined, context: Context, stretch: Span, findings: Findings): void {
  const at = context.toUtf16(target?.location ?? 0)
  const word = context.words.findLast(['INTO'], stretch.start, at) ?? context.words.at(at)
  findings.writeHit('select-into', word)
  if (isTemporary(target)) findings.hit('temp-table', temporaryWord(target, context, stretch))
}

export function isTemporary(target: RangeVar | undefined): target is RangeVar {
  return target?.relpersistence === 't' || target?.schemaname === 'pg_temp'
}

/** TEMP or TEMPORARY before a name; the name itself where only its schema says so. */
export function temporaryWord(target: RangeVar, context: Context, stretch: Span): Span {
  const at = context.toUtf16(target.location ?? 0)
  const word =
    target.relpersistence === 't'
      ? context.words.findLast(['TEMP', 'TEMPORARY'], stretch.start, at)
      : undefined
  return word ?? context.words.nameAt(at)
}

/** The tree does not say where a locking clause stands, only how many there are. */
function rowLocks(count: number, context: Context, stretch: Span, findings: Findings): void {
  findings.locks = true
  let from = stretch.start
  for (let left = count; left > 0; left -= 1) {
    const span = context.words.findAny(LOCKING_WORDS, from, stretch.end)
    if (!span) break
    findings.hit('row-lock', span)
    from = span.end
  }
}
