import { classifyKnex } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { BuiltQuery } from './built-query.ts'

/** What a query does to rows; `unknown` where a method or a text that cannot be told is among it. */
export type Doing = 'read' | 'write' | 'lock' | 'unknown'

/** Methods of Knex's and Objection's builders that write. */
const writingMethods: ReadonlySet<string> = new Set([
  'insert',
  'update',
  'upsert',
  'del',
  'delete',
  'increment',
  'decrement',
  'truncate',
  'batchInsert',
  'insertAndFetch',
  'insertGraph',
  'insertGraphAndFetch',
  'insertWithRelated',
  'insertWithRelatedAndFetch',
  'patch',
  'patchAndFetch',
  'patchAndFetchById',
  'updateAndFetch',
  'updateAndFetchById',
  'upsertGraph',
  'upsertGraphAndFetch',
  'deleteById',
  'relate',
  'unrelate',
])

const lockingMethods: ReadonlySet<string> = new Set([
  'forUpdate',
  'forShare',
  'forNoKeyUpdate',
  'forKeyShare',
])

/** Methods that only narrow, order or shape what is read. */
const reading =
  /^(?:select|columns?|distinct(?:On)?|first|pluck|count(?:Distinct)?|min|max|sum(?:Distinct)?|avg(?:Distinct)?|from|as|table|where\w*|andWhere\w*|orWhere\w*|having\w*|andHaving\w*|orHaving\w*|(?:left|right|inner|outer|full|cross|leftOuter|rightOuter|fullOuter)?[jJ]oin\w*|on|andOn|orOn|using|orderBy\w*|groupBy\w*|limit|offset|page|range|timeout|transacting|withSchema|findOne|findById|findByIds|resultSize|withGraph(?:Fetched|Joined)|modifyGraph|throwIfNotFound|skipUndefined|debug|options|then|execute|exists|rowNumber|rank|denseRank|clone)$/u

const others =
  /^(?:raw|\w+Raw|into|with\w*|union\w*|except\w*|intersect\w*|queryBuilder|returning|onConflict)$/u

/** Whether a method of this name is one of Knex's builders', so that it is worth asking what it is called on. */
export function mayBuildQuery(name: string): boolean {
  return writingMethods.has(name) || lockingMethods.has(name) || reading.test(name) || others.test(name)
}

/** What running `query` does to rows. */
export function doingOf(query: BuiltQuery): Doing {
  const doings = query.links.map(({ name, call }) => doingOfLink(name, call))
  if (query.links.length === 0)
    return query.table === undefined && query.model === undefined ? 'unknown' : 'read'
  return (['write', 'unknown', 'lock'] as const).find((doing) => doings.includes(doing)) ?? 'read'
}

function doingOfLink(name: string, call: TSESTree.CallExpression): Doing {
  if (writingMethods.has(name)) return 'write'
  if (lockingMethods.has(name)) return 'lock'
  if (name === 'raw' || name.endsWith('Raw')) return doingOfText(name, call.arguments[0])
  return reading.test(name) ? 'read' : 'unknown'
}

/** A statement, for `raw`, else a part of one: which a function may make write. */
function doingOfText(name: string, text: TSESTree.Node | undefined): Doing {
  if (text?.type !== AST_NODE_TYPES.Literal || typeof text.value !== 'string') return 'unknown'
  return doingOfSql(name === 'raw' ? text.value : `SELECT ${text.value}`)
}

/** What a statement that is written out does to rows. */
function doingOfSql(sql: string): Doing {
  const statements = classifyKnex(sql)
  if (statements.length === 0) return 'unknown'
  if (statements.some(({ writes, kind }) => writes && kind !== 'unparsed')) return 'write'
  if (statements.some(({ locks }) => locks)) return 'lock'
  return statements.every(({ kind, hits }) => kind === 'select' && hits.length === 0) ? 'read' : 'unknown'
}
