import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { plainQueryOf, type PlainQuery } from './plain-query.ts'

/** What a handler does about a unique violation, where it throws every other error again: nothing, a block, or statements. */
type Answer =
  | { readonly block: TSESTree.BlockStatement }
  | { readonly question: TSESTree.Statement; readonly rest: readonly TSESTree.Statement[] }

/** `try { await trx('t').insert(row) } catch (error) { … }`, where the handler asks for SQLSTATE 23505 and for nothing else. */
export interface CaughtInsert {
  readonly statement: TSESTree.Statement
  readonly query: PlainQuery
  /** The one row, in sight. */
  readonly row: TSESTree.ObjectExpression
  readonly answer: Answer
}

export function caughtInsertOf(
  file: LintedFile,
  { block, handler, finalizer }: TSESTree.TryStatement,
): CaughtInsert | undefined {
  const [statement, ...others] = block.body
  if (handler === null || finalizer !== null || others.length > 0) return undefined
  const row = statement && insertedBy(file, statement)
  const answer = row && answerOf(file, handler)
  const query = row && plainQueryOf(row.parent)
  if (row === undefined || answer === undefined || query === undefined) return undefined
  return { statement: statement!, query, row, answer }
}

/** The one row of `await on('t').insert(row)`: an object in sight, for many rows are another matter. */
function insertedBy(
  { handleAt }: LintedFile,
  statement: TSESTree.Statement,
): TSESTree.ObjectExpression | undefined {
  if (statement.type !== AST_NODE_TYPES.ExpressionStatement) return undefined
  const { expression } = statement
  const query =
    expression.type === AST_NODE_TYPES.AwaitExpression ? plainQueryOf(expression.argument) : undefined
  const [insert, ...more] = query?.methods ?? []
  const [row, ...others] = insert?.name === 'insert' ? insert.arguments : []
  if (query === undefined || more.length > 0 || others.length > 0) return undefined
  return row?.type === AST_NODE_TYPES.ObjectExpression && handleAt(query.on) === 'transaction'
    ? row
    : undefined
}

function answerOf({ syntax }: LintedFile, { param, body }: TSESTree.CatchClause): Answer | undefined {
  if (param?.type !== AST_NODE_TYPES.Identifier) return undefined
  const { name } = param
  const [first, ...rest] = body.body
  if (first?.type !== AST_NODE_TYPES.IfStatement) return undefined
  const holds = asksForUniqueViolation(first.test, name)
  if (holds === undefined) return undefined
  const answer = holds ? answerInside(first, rest, name) : answerBehind(first, rest, name)
  const kept = answer && ('block' in answer ? [answer.block] : answer.rest)
  const mentions = (node: TSESTree.Node) =>
    [...nodesIn<TSESTree.Node>(syntax, node)].some(
      (each) => each.type === AST_NODE_TYPES.Identifier && each.name === name,
    )
  return kept?.some(mentions) === false ? answer : undefined
}

/** `if (error.code !== '23505') throw error; …` */
function answerBehind(
  question: TSESTree.IfStatement,
  rest: readonly TSESTree.Statement[],
  name: string,
): Answer | undefined {
  const { consequent, alternate } = question
  return alternate === null && throwsAgain(consequent, name) ? { question, rest } : undefined
}

/** `if (error.code === '23505') { … } else throw error`, or with `throw error` behind a block that leaves. */
function answerInside(
  { consequent, alternate }: TSESTree.IfStatement,
  rest: readonly TSESTree.Statement[],
  name: string,
): Answer | undefined {
  if (consequent.type !== AST_NODE_TYPES.BlockStatement) return undefined
  const [last, ...more] = rest
  if (alternate !== null)
    return throwsAgain(alternate, name) && last === undefined ? { block: consequent } : undefined
  const leaves = consequent.body.at(-1)?.type === AST_NODE_TYPES.ReturnStatement
  return leaves && last !== undefined && more.length === 0 && throwsAgain(last, name)
    ? { block: consequent }
    : undefined
}

function throwsAgain(statement: TSESTree.Statement, name: string): boolean {
  if (statement.type === AST_NODE_TYPES.BlockStatement) {
    const [only, ...others] = statement.body
    return only !== undefined && others.length === 0 && throwsAgain(only, name)
  }
  if (statement.type !== AST_NODE_TYPES.ThrowStatement) return false
  return statement.argument.type === AST_NODE_TYPES.Identifier && statement.argument.name === name
}

/** Whether `error.code === '23505'` is asked, or the opposite. */
function asksForUniqueViolation(test: TSESTree.Expression, name: string): boolean | undefined {
  if (test.type !== AST_NODE_TYPES.BinaryExpression) return undefined
  const { operator, left, right } = test
  if (right.type !== AST_NODE_TYPES.Literal || right.value !== '23505') return undefined
  if (!isCodeOf(left, name)) return undefined
  if (operator === '===' || operator === '==') return true
  return operator === '!==' || operator === '!=' ? false : undefined
}

/** `error.code`, `error?.code`, `(error as DatabaseError).code` */
function isCodeOf(node: TSESTree.Node, name: string): boolean {
  const member = node.type === AST_NODE_TYPES.ChainExpression ? node.expression : node
  if (member.type !== AST_NODE_TYPES.MemberExpression || member.property.type !== AST_NODE_TYPES.Identifier)
    return false
  const { object, property } = member
  const error = object.type === AST_NODE_TYPES.TSAsExpression ? object.expression : object
  return property.name === 'code' && error.type === AST_NODE_TYPES.Identifier && error.name === name
}
