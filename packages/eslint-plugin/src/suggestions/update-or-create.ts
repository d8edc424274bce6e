import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { caughtInsertOf } from './caught-insert.ts'
import { endLike, fixOf } from './edits.ts'
import { isHarmless } from './harmless.ts'
import { imported } from './imported.ts'
import { isFoundUsed, isOnSame, lookupBefore, onlyStatementOf } from './lookup.ts'
import { plainQueryOf, type PlainQuery } from './plain-query.ts'
import { besideKey, isSameValue, textOfRow, writtenKey, writtenRow, type WrittenRow } from './written-row.ts'

/** What is written where a row is there, and the key by which it is found. */
interface Update {
  readonly query: PlainQuery
  readonly where: TSESTree.Node
  readonly key: WrittenRow
  readonly values: WrittenRow
}

/** A lookup, and an update or an insert as it found one or not, as one call of `updateOrCreate`. */
export function useUpdateOrCreate(
  file: LintedFile,
  insert: TSESTree.CallExpression,
): TSESLint.ReportFixFunction | undefined {
  const { source, handleAt } = file
  const lookup = lookupBefore(source, insert)
  if (lookup === undefined || lookup.whenFound === null || isFoundUsed(source, lookup)) return undefined
  const { declaration, decision, query, key } = lookup
  const update = updateIn(lookup.whenFound)
  const inserted = queryIn(lookup.whenNone)
  const [only, ...others] = inserted?.methods ?? []
  if (update === undefined || inserted === undefined || only?.name !== 'insert' || others.length > 0)
    return undefined
  const isOfOne = isOnSame(source, query, update.query) && isOnSame(source, query, inserted)
  const isOfKey = besideKey(source, key, update.key)?.size === 0
  if (!isOfOne || !isOfKey || only.arguments.length !== 1 || handleAt(query.on) === 'none') return undefined
  const range: TSESTree.Range = [declaration.range[0], decision.range[1]]
  return callFor(source, update, writtenRow(only.arguments[0]), range, declaration)
}

/** An insert, and an update where its unique violation is caught, as one call of `updateOrCreate`. */
export function useUpdateOrCreateForCaught(
  file: LintedFile,
  tried: TSESTree.TryStatement,
): TSESLint.ReportFixFunction | undefined {
  const { source } = file
  const caught = caughtInsertOf(file, tried)
  if (caught === undefined) return undefined
  const { answer, query, row } = caught
  const [only, ...others] = 'block' in answer ? answer.block.body : answer.rest
  const update = only && others.length === 0 ? updateIn(only) : undefined
  if (update === undefined || !isOnSame(source, query, update.query)) return undefined
  return callFor(source, update, writtenRow(row), tried.range, caught.statement)
}

/**
 * The call in the place of `range`, ended as `like` is. Every column that an update writes must be one that a new row gets; what that gets otherwise
 * is said by `onCreate`. All values are asked for, whether the row is there or not.
 */
function callFor(
  source: LintedFile['source'],
  { query, where, key, values }: Update,
  row: WrittenRow | undefined,
  range: TSESTree.Range,
  like: TSESTree.Statement,
): TSESLint.ReportFixFunction | undefined {
  const created = besideKey(source, key, row)
  if (created === undefined || values.size === 0) return undefined
  if (![...values.keys()].every((name) => created.has(name))) return undefined
  const onCreate = [...created].filter(([name, column]) => !isSameValue(source, column, values.get(name)))
  const all = [...values.values(), ...created.values()]
  const updateOrCreate = imported(source, 'updateOrCreate', like)
  if (updateOrCreate === undefined || !all.every(({ value }) => isHarmless(source, value))) return undefined
  const otherwise = textOfRow(
    source,
    onCreate.map(([, column]) => column),
  )
  const given = [
    source.getText(query.on),
    query.table.raw,
    source.getText(where),
    ...textOfRow(source, values.values()),
    ...otherwise.map((text) => `{ onCreate: ${text} }`),
  ]
  const text = `await ${updateOrCreate.name}(${given.join(', ')})${endLike(source, like, range[1])}`
  return fixOf(source, [...updateOrCreate.edits, { range, text }])
}

/** `await on('t').where(key).update(values)` */
function updateIn(branch: TSESTree.Statement): Update | undefined {
  const query = queryIn(branch)
  const [found, update, ...more] = query?.methods ?? []
  if (query === undefined || found?.name !== 'where' || update?.name !== 'update' || more.length > 0)
    return undefined
  if (found.arguments.length !== 1 || update.arguments.length !== 1) return undefined
  const key = writtenKey(found.arguments[0])
  const values = writtenRow(update.arguments[0])
  if (key === undefined || values === undefined || [...values.keys()].some((name) => key.has(name)))
    return undefined
  return { query, where: found.arguments[0]!, key, values }
}

/** The query that a statement awaits, and nothing else. */
function queryIn(branch: TSESTree.Statement): PlainQuery | undefined {
  const only = onlyStatementOf(branch)
  if (only?.type !== AST_NODE_TYPES.ExpressionStatement) return undefined
  const { expression } = only
  return expression.type === AST_NODE_TYPES.AwaitExpression ? plainQueryOf(expression.argument) : undefined
}
