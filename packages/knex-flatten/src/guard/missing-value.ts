import { parse, type SyntaxNode } from '@knex-flatten/sql-support'
import type { ForwardingReason } from '../errors/forwarding-reasons.ts'

/** What a statement says of a column: a value, that it is to have its default, nothing; `undefined` where that cannot be told. */
type Mention = 'value' | 'default' | undefined

/**
 * Whose NULL it was that the writer refused, from the statement as it was sent and as it was forwarded: the same column is left to its
 * default, or given a value, in both or in one of them.
 */
export function whoseNull(
  column: string | undefined,
  sent: string,
  forwarded: string,
): Extract<ForwardingReason, 'default-lost' | 'null-given' | 'no-default' | 'null-unexplained'> {
  if (column === undefined) return 'null-unexplained'
  const asked = mentionOf(column, sent)
  const came = mentionOf(column, forwarded)
  if (asked === 'default' && came === 'value') return 'default-lost'
  if (asked === 'value' && came === 'value') return 'null-given'
  if (asked === 'default' && came === 'default') return 'no-default'
  return 'null-unexplained'
}

function mentionOf(column: string, sql: string): Mention {
  const parsed = parse(sql)
  if (!parsed.ok || parsed.statements.length !== 1) return undefined
  const { InsertStmt: insert, UpdateStmt: update } = parsed.statements[0]!.node as Statements
  if (insert) return mentionInInsert(column, insert)
  const target = update?.targetList?.find(({ ResTarget }) => ResTarget.name === column)
  return target && (isDefault(target.ResTarget.val) ? 'default' : 'value')
}

function mentionInInsert(column: string, { cols, selectStmt, onConflictClause }: InsertStmt): Mention {
  // What it does instead may set the column too.
  if (onConflictClause) return undefined
  // DEFAULT VALUES
  if (!selectStmt) return 'default'
  // The first column is the first of the table's, which only the server knows.
  if (!cols) return undefined
  const place = cols.findIndex(({ ResTarget }) => ResTarget.name === column)
  if (place < 0) return 'default'
  const rows = selectStmt.SelectStmt?.valuesLists
  if (!rows) return 'value'
  // Knex writes DEFAULT where a row of several has no value for a column that another has.
  const defaults = rows.filter(({ List }) => isDefault(List.items[place])).length
  if (defaults === 0) return 'value'
  return defaults === rows.length ? 'default' : undefined
}

function isDefault(node: SyntaxNode | undefined): boolean {
  return node !== undefined && 'SetToDefault' in node
}

interface Target {
  readonly ResTarget: { readonly name?: string; readonly val?: SyntaxNode }
}

interface InsertStmt {
  readonly cols?: readonly Target[]
  readonly selectStmt?: {
    readonly SelectStmt?: {
      readonly valuesLists?: readonly { readonly List: { readonly items: readonly SyntaxNode[] } }[]
    }
  }
  readonly onConflictClause?: SyntaxNode
}

interface Statements {
  readonly InsertStmt?: InsertStmt
  readonly UpdateStmt?: { readonly targetList?: readonly Target[] }
}
