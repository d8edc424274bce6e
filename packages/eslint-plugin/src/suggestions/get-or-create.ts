import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { endLike, fixOf } from './edits.ts'
import { isHarmless } from './harmless.ts'
import { imported } from './imported.ts'
import { isFoundUsed, isName, isOnSame, lookupBefore, onlyStatementOf } from './lookup.ts'
import { plainQueryOf, type PlainQuery } from './plain-query.ts'
import { besideKey, textOfRow, writtenRow, type WrittenRow } from './written-row.ts'

/** What is done where nothing was found: `await on('t').insert(row)`, or `[found] = await on('t').insert(row).returning('*')`. */
interface Inserted {
  readonly query: PlainQuery
  readonly row: WrittenRow | undefined
  /** What the inserted row is assigned to. */
  readonly kept: TSESTree.Node | undefined
}

/**
 * A lookup and an insert where it found nothing as one call of `getOrCreate`, where the table, the key and the row are written out
 * and nothing else happens. What was found must not be asked for where nobody says any more whether it was there.
 */
export function useGetOrCreate(
  file: LintedFile,
  insert: TSESTree.CallExpression,
): TSESLint.ReportFixFunction | undefined {
  const { source } = file
  const lookup = lookupBefore(source, insert)
  if (lookup === undefined || lookup.whenFound !== null) return undefined
  const { declaration, found, query, key, where, decision } = lookup
  const inserted = insertedIn(lookup.whenNone, found.name)
  const defaults = inserted && besideKey(source, key, inserted.row)
  if (defaults === undefined || !isOnSame(source, query, inserted!.query)) return undefined
  const { kept } = inserted!
  if (kept === undefined ? isFoundUsed(source, lookup) : !lookup.isWhole) return undefined
  const values = [...defaults.values()]
  if (!values.every(({ value }) => isHarmless(source, value) && !mentions(source, value, found.name)))
    return undefined

  const getOrCreate = imported(source, 'getOrCreate', decision)
  if (getOrCreate === undefined || file.handleAt(query.on) === 'none') return undefined
  const given = [
    source.getText(query.on),
    query.table.raw,
    source.getText(where),
    ...textOfRow(source, values),
  ]
  const call = `await ${getOrCreate.name}(${given.join(', ')})`
  const end = endLike(source, declaration, decision.range[1])
  const text =
    kept === undefined ? `${call}${end}` : `${declaration.kind} { row: ${found.name} } = ${call}${end}`
  return fixOf(source, [...getOrCreate.edits, { range: [declaration.range[0], decision.range[1]], text }])
}

function mentions(source: LintedFile['source'], node: TSESTree.Node, name: string): boolean {
  return source.getTokens(node).some(({ value }) => value === name)
}

function insertedIn(branch: TSESTree.Statement, found: string): Inserted | undefined {
  const only = onlyStatementOf(branch)
  if (only?.type !== AST_NODE_TYPES.ExpressionStatement) return undefined
  const { expression } = only
  const kept = expression.type === AST_NODE_TYPES.AssignmentExpression ? expression.left : undefined
  if (kept !== undefined && !isFirstOf(kept, found)) return undefined
  const value = expression.type === AST_NODE_TYPES.AssignmentExpression ? expression.right : expression
  const query = value.type === AST_NODE_TYPES.AwaitExpression ? plainQueryOf(value.argument) : undefined
  const [insert, returning, ...more] = query?.methods ?? []
  if (query === undefined || insert?.name !== 'insert' || insert.arguments.length !== 1) return undefined
  if (more.length > 0 || (returning !== undefined) !== (kept !== undefined)) return undefined
  return returning === undefined || isAll(returning)
    ? { query, row: writtenRow(insert.arguments[0]), kept }
    : undefined
}

function isFirstOf(left: TSESTree.Node, name: string): boolean {
  if (left.type !== AST_NODE_TYPES.ArrayPattern || left.elements.length !== 1) return false
  const [first] = left.elements
  return first != null && isName(first, name)
}

function isAll({ name, arguments: [columns] }: PlainQuery['methods'][number]): boolean {
  return name === 'returning' && columns?.type === AST_NODE_TYPES.Literal && columns.value === '*'
}
