import type { SyntaxNode } from '../grammar/parse.ts'
import type { Span, Statement, StatementKind } from '../statement.ts'
import type { Context } from './context.ts'
import { readDoBlock } from './do-block.ts'
import { dmlWord, functionCall, inspect, isTemporary, temporaryWord } from './expressions.ts'
import { Findings, sealed } from './findings.ts'
import { explainsByRunning, innerStart } from './inner.ts'
import { unwrap } from './nodes.ts'
import type { FuncCall, IntoClause, RangeVar } from './nodes.ts'
import { DDL, PLAIN_STATEMENTS } from './plain-statements.ts'
import { readSetting } from './settings.ts'
import { readSetTransaction, readTransaction } from './transactions.ts'

type Traits = Pick<Statement, 'kind' | 'reads'> & Partial<Pick<Statement, 'transaction' | 'name' | 'inner'>>

const ROWS: Readonly<Record<string, StatementKind>> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
}

/** Reads one node of the tree into a statement; `stretch` is where its own words stand. */
export function readStatement(node: SyntaxNode, stretch: Span, context: Context): Statement {
  const { type, fields } = unwrap(node)
  const findings = new Findings()
  const traits = readTraits(type, fields, stretch, context, findings)
  return Object.freeze({
    ...traits,
    start: stretch.start,
    end: stretch.end,
    text: context.text.slice(stretch.start, stretch.end),
    writes: findings.writes,
    locks: findings.locks,
    functions: sealed(findings.functions),
    hits: sealed(findings.hits),
    ...(findings.setting && { setting: findings.setting }),
  })
}

function readTraits(
  type: string,
  fields: SyntaxNode,
  stretch: Span,
  context: Context,
  findings: Findings,
): Traits {
  switch (type) {
    case 'SelectStmt':
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return readRows(type, fields, stretch, context, findings)
    case 'TransactionStmt':
      return {
        kind: 'transaction',
        reads: false,
        transaction: readTransaction(fields, context, stretch, findings),
      }
    case 'VariableSetStmt':
      return readSet(fields, stretch, context, findings)
    case 'ExplainStmt':
    case 'PrepareStmt':
    case 'DeclareCursorStmt':
      return readOuter(type, fields, stretch, context, findings)
    case 'ExecuteStmt':
      inspect(fields, context, stretch, findings)
      return { kind: 'execute', reads: true, name: fields.name as string }
    case 'CopyStmt':
      return readCopy(fields, stretch, context, findings)
    case 'CallStmt':
      return readCall(fields.funccall as FuncCall, stretch, context, findings)
    case 'DoStmt':
      return readDoBlock(fields, stretch, context, findings)
    case 'CreateTableAsStmt':
      return readCreateTableAs(fields, stretch, context, findings)
    default:
      return readPlain(type, fields, stretch, context, findings)
  }
}

function readRows(
  type: string,
  fields: SyntaxNode,
  stretch: Span,
  context: Context,
  findings: Findings,
): Traits {
  if (type !== 'SelectStmt') findings.writes = true
  if (type === 'MergeStmt') findings.hit('merge', dmlWord(type, fields, context, stretch))
  inspect(fields, context, stretch, findings)
  const kind = fields.valuesLists === undefined ? ROWS[type]! : 'values'
  return { kind, reads: kind !== 'insert' || insertReads(fields) }
}

/** An INSERT of mere values that asks for nothing back looks at no rows. */
function insertReads({ selectStmt, returningClause, onConflictClause }: SyntaxNode): boolean {
  if (returningClause !== undefined || onConflictClause !== undefined) return true
  return selectStmt !== undefined && unwrap(selectStmt).fields.valuesLists === undefined
}

function readSet(fields: SyntaxNode, stretch: Span, context: Context, findings: Findings): Traits {
  if (typeof fields.name === 'string' && fields.name.startsWith('TRANSACTION')) {
    const transaction = readSetTransaction(fields, context, stretch, findings)
    return { kind: 'transaction', reads: false, transaction }
  }
  readSetting(fields, context, stretch, findings)
  return { kind: 'set', reads: false }
}

/** A statement around another: what it does is what the inner one does. */
function readOuter(
  type: 'ExplainStmt' | 'PrepareStmt' | 'DeclareCursorStmt',
  fields: SyntaxNode,
  stretch: Span,
  context: Context,
  findings: Findings,
): Traits {
  if (type === 'ExplainStmt' && !explainsByRunning(fields)) return { kind: 'explain', reads: true }
  const start = innerStart(type, fields, stretch, context)
  const inner = readStatement(fields.query as SyntaxNode, { start, end: stretch.end }, context)
  if (type === 'ExplainStmt') {
    if (inner.writes || inner.locks) findings.hit('explain-analyze', context.words.at(stretch.start))
    findings.absorb(inner)
    return { kind: 'explain', reads: true, inner }
  }
  if (type === 'DeclareCursorStmt') findings.hit('cursor', context.words.at(stretch.start))
  findings.absorb(inner)
  const kind = type === 'PrepareStmt' ? 'prepare' : 'cursor'
  return { kind, reads: inner.reads, name: (fields.name ?? fields.portalname) as string, inner }
}

function readCopy(fields: SyntaxNode, stretch: Span, context: Context, findings: Findings): Traits {
  findings.hit('copy', context.words.at(stretch.start))
  findings.writes = fields.is_from === true
  if (fields.query !== undefined) {
    const start = context.words.after(['COPY'], stretch.start)
    findings.absorb(readStatement(fields.query as SyntaxNode, { start, end: stretch.end }, context))
  }
  return { kind: 'copy', reads: fields.is_from !== true }
}

/** PostgreSQL brings no procedures along: whatever is called is the user's. */
function readCall(node: FuncCall, stretch: Span, context: Context, findings: Findings): Traits {
  const procedure = functionCall(node, context)
  findings.functions.push(procedure)
  findings.writeHit('user-function', procedure)
  inspect({ args: node.args }, context, stretch, findings)
  return { kind: 'call', reads: true }
}

function readCreateTableAs(fields: SyntaxNode, stretch: Span, context: Context, findings: Findings): Traits {
  const target = (fields.into as IntoClause).rel
  define(target, stretch, context, findings)
  inspect({ query: fields.query }, context, stretch, findings)
  return { kind: 'ddl', reads: true }
}

function readPlain(
  type: string,
  fields: SyntaxNode,
  stretch: Span,
  context: Context,
  findings: Findings,
): Traits {
  const plain = PLAIN_STATEMENTS[type] ?? DDL
  const { kind, rule, words = 1 } = plain
  if (plain === DDL)
    define((fields.relation ?? fields.view ?? fields.sequence) as RangeVar, stretch, context, findings)
  else if (rule) findings.hit(rule, context.words.at(stretch.start, words))
  findings.writes ||= plain.writes === true
  findings.locks = plain.locks === true
  const name = type === 'FetchStmt' || type === 'ClosePortalStmt' ? fields.portalname : fields.name
  const named = kind === 'cursor' || kind === 'deallocate'
  return { kind, reads: plain.reads === true, ...(named && typeof name === 'string' && { name }) }
}

function define(target: RangeVar | undefined, stretch: Span, context: Context, findings: Findings): void {
  if (isTemporary(target)) findings.writeHit('temp-table', temporaryWord(target, context, stretch))
  else findings.writeHit('ddl', context.words.at(stretch.start))
}
