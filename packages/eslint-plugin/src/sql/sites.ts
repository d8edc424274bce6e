import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { importOf } from '../syntax/import-of.ts'
import { isKnex } from '../knex/builder-call.ts'
import type { Placeholders, Role } from './spans.ts'
import { opensStatement } from './worth-parsing.ts'

/** What SQL may be handed to. */
export type SqlNode = TSESTree.CallExpression | TSESTree.NewExpression | TSESTree.TaggedTemplateExpression

/** A place that takes SQL. */
export interface SqlSite {
  /** The expression that holds it. */
  readonly at: TSESTree.Node
  /** What runs it, where that is written. */
  readonly receiver: TSESTree.Node | undefined
  readonly role: Role
  readonly placeholders: Placeholders
}

interface Taking {
  readonly role: Role
  readonly placeholders: Placeholders
  /** Which argument; the first unless told. */
  readonly argument?: number
}

const behind = (text: string): Taking => ({ role: { behind: text }, placeholders: 'all' })
const condition = behind('SELECT 1 WHERE ')
const having = behind('SELECT 1 HAVING ')

/** Methods that take SQL: Knex's, Objection's, and `query` of pg and of what wraps it. */
const methods: ReadonlyMap<string, Taking> = new Map<string, Taking>([
  ['raw', { role: 'any', placeholders: 'all' }],
  ['query', { role: 'statement', placeholders: 'none' }],
  ['withRaw', { role: 'statement', placeholders: 'all', argument: 1 }],
  ['whereRaw', condition],
  ['andWhereRaw', condition],
  ['orWhereRaw', condition],
  ['havingRaw', having],
  ['andHavingRaw', having],
  ['orHavingRaw', having],
  ['orderByRaw', behind('SELECT 1 ORDER BY ')],
  ['groupByRaw', behind('SELECT 1 GROUP BY ')],
  ['fromRaw', behind('SELECT 1 FROM ')],
  ['joinRaw', behind('SELECT 1 FROM t ')],
])

const statement: Taking = { role: 'statement', placeholders: 'none' }
const wrapped: Taking = { role: 'statement', placeholders: 'all' }

const tags = new Set(['sql', 'SQL', 'pgsql', 'pgSql'])

/** Classes of pg's that are made of SQL. */
const classes = new Set(['Query', 'Cursor', 'QueryStream'])

/** What takes SQL by the shape of the node; asked of every call. */
export function siteAt(file: LintedFile, node: SqlNode): SqlSite | undefined {
  if (node.type === AST_NODE_TYPES.TaggedTemplateExpression) return ofTag(node)
  const [name, receiver] = calledBy(node.callee)
  if (name === undefined || node.arguments.length === 0) return undefined
  if (node.type === AST_NODE_TYPES.NewExpression)
    return classes.has(name) ? site(node, undefined, statement) : undefined
  const taking = methods.get(name)
  if (taking !== undefined) return site(node, receiver, taking)
  const [text] = node.arguments
  if (text === undefined || !mayBeStatement(file.source, text)) return undefined
  if (receiver !== undefined && isWrapper(file, name, receiver)) return site(node, receiver, wrapped)
  const isCopy = importOf(file.source, node.callee)?.module === 'pg-copy-streams'
  return isCopy ? site(node, undefined, statement) : undefined
}

function site(
  { arguments: given }: TSESTree.CallExpression | TSESTree.NewExpression,
  receiver: TSESTree.Node | undefined,
  { role, placeholders, argument = 0 }: Taking,
): SqlSite | undefined {
  const at = given[argument]
  return at && { at, receiver, role, placeholders }
}

/** The tag itself is what runs it, or what makes a query of it. */
function ofTag(node: TSESTree.TaggedTemplateExpression): SqlSite | undefined {
  if (!isSqlTag(node.tag)) return undefined
  return { at: node, receiver: calledBy(node.tag)[1] ?? node.tag, role: 'any', placeholders: 'none' }
}

/** ``sql`…` ``, and ``sql.unsafe`…` `` of what has such a tag. */
export function isSqlTag(tag: TSESTree.Node): boolean {
  const [name, receiver] = calledBy(tag)
  if (name !== undefined && tags.has(name)) return true
  return receiver?.type === AST_NODE_TYPES.Identifier && tags.has(receiver.name)
}

const databaseWord =
  /^#?_?(?:db|database|knex|trx|tx|pool|client|connection|conn)$|(?:Db|Database|Knex|Trx|Pool)$/u

/** Methods of SQLite's drivers, and of what only writes a text down. */
const othersMethods =
  /^(?:exec|run|all|get|each|prepare|iterate|executeSql|execute|log|debug|info|warn|error|trace|on|once|emit|from|into|table|as|column|columns|ref|select|first|where\w*|orderBy|groupBy|having|pluck|returning)(?:Sync|Async)?$/u

/** A method of one's own that takes SQL: `db.getOne('SELECT …')`. */
function isWrapper(file: LintedFile, name: string, receiver: TSESTree.Node): boolean {
  if (othersMethods.test(name)) return false
  const [word] = calledBy(receiver)
  return (word !== undefined && databaseWord.test(word)) || isKnex(file, receiver)
}

/** A text that is written out and opens as a statement does, or something that is called SQL. */
function mayBeStatement(source: Readonly<TSESLint.SourceCode>, node: TSESTree.Node): boolean {
  switch (node.type) {
    case AST_NODE_TYPES.TemplateLiteral:
      return goesOnAsInsert(node) || opensStatement(source.getText(node).slice(1))
    case AST_NODE_TYPES.Literal:
    case AST_NODE_TYPES.BinaryExpression:
      return opensStatement(source.getText(node).replace(/^["'`]/u, ''))
    case AST_NODE_TYPES.Identifier:
    case AST_NODE_TYPES.MemberExpression:
      return /sql|query|statement/iu.test(calledBy(node)[0] ?? '')
    default:
      return false
  }
}

/** `${insert} ON CONFLICT …`: what was made elsewhere can only be an INSERT. */
function goesOnAsInsert({ quasis: [, second] }: TSESTree.TemplateLiteral): boolean {
  return /^\s+on\s+conflict\b/iu.test(second?.value.raw ?? '')
}

/** The last word of what is called, and what it is a property of. */
function calledBy(callee: TSESTree.Node): [name: string | undefined, receiver: TSESTree.Node | undefined] {
  if (callee.type === AST_NODE_TYPES.Identifier) return [callee.name, undefined]
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return [undefined, undefined]
  return [ASTUtils.getPropertyName(callee) ?? undefined, callee.object]
}
