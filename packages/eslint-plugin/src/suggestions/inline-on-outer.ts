import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { functionAround } from '../syntax/function-node.ts'
import type { Callback } from './callback.ts'
import { remove, type Edit } from './edits.ts'
import { inlineBlock } from './inline-block.ts'
import type { Inner } from './outer-transaction.ts'
import { renameTo } from './rename.ts'

type Source = Readonly<TSESLint.SourceCode>

/**
 * What the inner transaction's callback does, in the place of the call: its one expression, or its statements. `undefined` where
 * its `return`s or its names would mean something else there.
 */
export function inlineOnOuter(
  source: Source,
  syntax: EstreeSyntax,
  { call, outer: { variable }, callback }: Inner,
): Edit[] | undefined {
  if (variable === undefined) return undefined
  const renamed = renameTo(source, callback.mentions, variable)
  const placed = renamed && (inlineValue(call, callback) ?? inlineStatements(source, syntax, call, callback))
  return placed && [...renamed, ...placed]
}

function inlineValue(call: TSESTree.CallExpression, { value }: Callback): Edit[] | undefined {
  if (value === undefined) return undefined
  const isAwaited = call.parent.type === AST_NODE_TYPES.AwaitExpression
  if (!isAwaited && !isReturnedAsItIs(call)) return undefined
  const kept = value.type === AST_NODE_TYPES.AwaitExpression && isAwaited ? value.argument : value
  const needsParentheses = !standsAlone.has(kept.type)
  return [
    { range: [call.range[0], kept.range[0]], text: needsParentheses ? '(' : '' },
    { range: [kept.range[1], call.range[1]], text: needsParentheses ? ')' : '' },
  ]
}

const standsAlone: ReadonlySet<AST_NODE_TYPES> = new Set([
  AST_NODE_TYPES.CallExpression,
  AST_NODE_TYPES.MemberExpression,
  AST_NODE_TYPES.Identifier,
  AST_NODE_TYPES.Literal,
  AST_NODE_TYPES.TemplateLiteral,
  AST_NODE_TYPES.TaggedTemplateExpression,
  AST_NODE_TYPES.AwaitExpression,
])

/** What an async function, outside of any `try`, returns: whether it is a promise or its value is the same to everybody. */
function isReturnedAsItIs(call: TSESTree.CallExpression): boolean {
  const { parent } = call
  if (parent.type === AST_NODE_TYPES.ArrowFunctionExpression) return parent.async && parent.body === call
  return parent.type === AST_NODE_TYPES.ReturnStatement && isFreeReturn(parent)
}

function isFreeReturn(statement: TSESTree.ReturnStatement): boolean {
  const around = functionAround(statement)
  if (around?.async !== true || around.generator) return false
  for (let node: TSESTree.Node = statement; node !== around; node = node.parent as TSESTree.Node) {
    if (node.type === AST_NODE_TYPES.TryStatement) return false
  }
  return true
}

function inlineStatements(
  source: Source,
  syntax: EstreeSyntax,
  call: TSESTree.CallExpression,
  { node, returns }: Callback,
): Edit[] | undefined {
  const { body } = node
  if (body.type !== AST_NODE_TYPES.BlockStatement) return undefined
  const isAwaited = call.parent.type === AST_NODE_TYPES.AwaitExpression
  const statement = isAwaited ? call.parent.parent : call.parent
  if (statement?.type === AST_NODE_TYPES.ReturnStatement) {
    return isFreeReturn(statement) && (leaves(body) || isLastOfFunction(statement))
      ? inlineBlock(source, syntax, statement, body)
      : undefined
  }
  if (!isAwaited || statement?.type !== AST_NODE_TYPES.ExpressionStatement) return undefined
  const last = returns.length === 0 ? [] : withoutReturn(source, body, returns)
  const inlined = last && inlineBlock(source, syntax, statement, body)
  return inlined && [...last, ...inlined]
}

function leaves({ body }: TSESTree.BlockStatement): boolean {
  const type = body.at(-1)?.type
  return type === AST_NODE_TYPES.ReturnStatement || type === AST_NODE_TYPES.ThrowStatement
}

function isLastOfFunction(statement: TSESTree.ReturnStatement): boolean {
  const body = functionAround(statement)?.body
  return body?.type === AST_NODE_TYPES.BlockStatement && body.body.at(-1) === statement
}

/** A value that nobody uses: the last statement still waits for it, but returns it no more. */
function withoutReturn(
  source: Source,
  { body }: TSESTree.BlockStatement,
  returns: readonly TSESTree.ReturnStatement[],
): Edit[] | undefined {
  const [only, ...others] = returns
  if (only === undefined || others.length > 0 || body.at(-1) !== only) return undefined
  const keyword = source.getFirstToken(only)
  if (keyword === null) return undefined
  if (only.argument?.type === AST_NODE_TYPES.AwaitExpression)
    return [remove(keyword.range[0], only.argument.range[0])]
  return only.argument?.type === AST_NODE_TYPES.CallExpression
    ? [{ range: keyword.range, text: 'await' }]
    : undefined
}
