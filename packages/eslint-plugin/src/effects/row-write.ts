import { classifyTemplate } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { builtQueryAt, type BuiltQuery } from '../knex/built-query.ts'
import type { Link } from '../knex/chain.ts'
import { madeQueryAt, makerIn } from '../knex/made-query.ts'
import { chainOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { isWithin } from '../syntax/is-within.ts'
import { nodesIn } from '../syntax/nodes-in.ts'

/** A query that writes one row, or the few of one condition. */
export interface RowWrite {
  readonly kind: 'insert' | 'update' | 'delete'
  /** The word to underline. */
  readonly word: TSESTree.Node
  /** The outermost call of the query. */
  readonly query: TSESTree.CallExpression
  /** The call of somebody's own function that makes its builder. */
  readonly maker?: TSESTree.CallExpression | undefined
}

const kindByMethod: ReadonlyMap<string, RowWrite['kind']> = new Map([
  ['insert', 'insert'],
  ['insertAndFetch', 'insert'],
  ['insertGraph', 'insert'],
  ['insertGraphAndFetch', 'insert'],
  ['update', 'update'],
  ['patch', 'update'],
  ['patchAndFetch', 'update'],
  ['patchAndFetchById', 'update'],
  ['updateAndFetch', 'update'],
  ['updateAndFetchById', 'update'],
  ['increment', 'update'],
  ['decrement', 'update'],
  ['del', 'delete'],
  ['delete', 'delete'],
  ['deleteById', 'delete'],
])

/** Whether a call may be of a write, by its method's name alone. */
export function mayWriteRows(name: string): boolean {
  return kindByMethod.has(name) || name === 'raw' || name === 'query'
}

/** Reads `trx('t').insert(row)`, `row.$query(trx).patch(…)`, `trx.raw('INSERT …')`; nothing that takes many rows at once. */
export function rowWriteAt(file: LintedFile, call: TSESTree.CallExpression): RowWrite | undefined {
  if (call.callee.type !== AST_NODE_TYPES.MemberExpression) return undefined
  const name = file.syntax.calledName(call) ?? ''
  const word = call.callee.property
  if (name === 'raw' || name === 'query') {
    const kind = kindOfText(call.arguments[0])
    const isOurs = kind !== undefined && sendsSql(file, call.callee.object, name)
    return isOurs ? { kind, word, query: chainOf(call) } : undefined
  }
  const kind = kindByMethod.get(name)
  const outermost = chainOf(call)
  const built = kind && builtQueryAt(file, outermost)
  const query = built ?? (kind && madeQueryAt(file, call, outermost))
  if (kind === undefined || query === undefined) return undefined
  if (query.on !== undefined && file.isOnWriter(query.on)) return undefined
  return takesMany(file, kind, query, call)
    ? undefined
    : { kind, word, query: outermost, maker: built === undefined ? makerIn(outermost) : undefined }
}

function takesMany(
  file: LintedFile,
  kind: RowWrite['kind'],
  query: BuiltQuery,
  call: TSESTree.CallExpression,
): boolean {
  if (kind === 'insert') return isArray(file, call.arguments[0])
  return query.links.some(isBatchCondition)
}

function isBatchCondition({ name, call }: Link): boolean {
  if (/(?:whereIn|WhereIn|findByIds|whereInComposite|Raw)$/u.test(name)) return true
  const [, operator] = call.arguments
  return operator?.type === AST_NODE_TYPES.Literal && /^(?:not )?in$|any/iu.test(String(operator.value))
}

/** Rows by their type, else by how they are written or called. */
function isArray({ services }: LintedFile, rows: TSESTree.Node | undefined): boolean {
  if (rows === undefined || rows.type === AST_NODE_TYPES.ArrayExpression) return true
  if (rows.type === AST_NODE_TYPES.ObjectExpression) return false
  if (services !== undefined) {
    const type = services.getTypeAtLocation(rows)
    const checker = services.program.getTypeChecker()
    if (checker.isArrayType(type) || checker.isTupleType(type)) return true
    if (type.getSymbol() !== undefined) return false
  }
  if (rows.type === AST_NODE_TYPES.CallExpression) {
    const { callee } = rows
    const name = callee.type === AST_NODE_TYPES.MemberExpression ? ASTUtils.getPropertyName(callee) : null
    return /^(?:map|filter|slice|splice|flat|flatMap|concat|values)$/u.test(name ?? '')
  }
  return (
    rows.type === AST_NODE_TYPES.Identifier &&
    /chunk|batch|slice|page|group|rows|values|records|items|list|entries|bulk/iu.test(rows.name)
  )
}

/** Whether what a write is aimed at, a table or a model, is another one in each round of a loop. */
export function variesTable(file: LintedFile, { query, maker }: RowWrite, loop: TSESTree.Node): boolean {
  const isInLoop = (node: TSESTree.Node) => {
    if (node.type !== AST_NODE_TYPES.Identifier) return false
    const variable = ASTUtils.findVariable(file.source.getScope(node), node)
    return variable?.defs.some(({ name }) => isWithin(name, loop)) ?? false
  }
  // Whatever makes the builder may be told the table.
  if (maker !== undefined) return [...nodesIn<TSESTree.Node>(file.syntax, maker)].some(isInLoop)
  const built = builtQueryAt(file, query)
  const model = built?.model
  const isModelClass = model?.type === AST_NODE_TYPES.Identifier && /^[A-Z]|[mM]odel$/u.test(model.name)
  const aim = built?.table ?? (isModelClass ? model : undefined)
  if (aim === undefined || aim.type === AST_NODE_TYPES.Literal) return false
  return aim.type !== AST_NODE_TYPES.Identifier || isInLoop(aim)
}

function kindOfText(text: TSESTree.Node | undefined): RowWrite['kind'] | undefined {
  const chunks = chunksOf(text)
  if (chunks === undefined || !/^\s*(?:insert|update|delete)\b/iu.test(chunks[0] ?? '')) return undefined
  // Many rows at once, in PostgreSQL's own ways.
  if (chunks.some((chunk) => /\b(?:unnest|any|jsonb?_\w+|in|select)\s*\(|\bselect\b/iu.test(chunk)))
    return undefined
  const [statement, ...others] = classifyTemplate(chunks, 'all')
  const kind = statement?.kind
  return others.length === 0 && (kind === 'insert' || kind === 'update' || kind === 'delete')
    ? kind
    : undefined
}

function chunksOf(text: TSESTree.Node | undefined): string[] | undefined {
  if (text?.type === AST_NODE_TYPES.Literal && typeof text.value === 'string') return [text.value]
  // In a template a hole may be all the rows.
  const isPlain = text?.type === AST_NODE_TYPES.TemplateLiteral && text.expressions.length === 0
  return isPlain ? text.quasis.map(({ value }) => value.cooked ?? '') : undefined
}

function sendsSql(file: LintedFile, object: TSESTree.Node, method: string): boolean {
  if (file.isOnWriter(object)) return false
  const handle = file.handleAt(object)
  if (method === 'raw') return handle === 'transaction' || handle === 'knex' || handle === 'either'
  return object.type === AST_NODE_TYPES.Identifier && /client|pool|pg|conn|db/iu.test(object.name)
}
