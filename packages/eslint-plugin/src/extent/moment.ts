import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { keepsForLater, runsAtOnce } from '../syntax/function-takers.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { isFunction, type FunctionNode } from '../syntax/function-node.ts'

/** When a function runs: with the code around it, where it is called, or at a time of which that code says nothing. */
export type Moment =
  | { readonly kind: 'here' }
  | { readonly kind: 'calls'; readonly sites: readonly TSESTree.Node[] }
  | { readonly kind: 'later' }

const here: Moment = { kind: 'here' }
const later: Moment = { kind: 'later' }

/** When `fn` runs, as far as this file tells. */
export function momentOf(file: LintedFile, fn: FunctionNode): Moment {
  if (fn.type === AST_NODE_TYPES.FunctionDeclaration)
    return fn.id === null ? later : momentOfName(file, fn.id)
  return momentOfValue(file, fn)
}

function momentOfValue(file: LintedFile, value: TSESTree.Node): Moment {
  const { parent } = value
  switch (parent?.type) {
    case AST_NODE_TYPES.CallExpression:
      if (parent.callee === value) return here
      return isRunWithin(file, parent) ? here : later
    case AST_NODE_TYPES.NewExpression:
      return parent.callee.type === AST_NODE_TYPES.Identifier && parent.callee.name === 'Promise'
        ? here
        : later
    case AST_NODE_TYPES.VariableDeclarator:
      return parent.id.type === AST_NODE_TYPES.Identifier && parent.init === value
        ? momentOfName(file, parent.id)
        : later
    case AST_NODE_TYPES.ConditionalExpression:
      return parent.test === value ? later : momentOfValue(file, parent)
    case AST_NODE_TYPES.LogicalExpression:
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
      return momentOfValue(file, parent)
    default:
      return later
  }
}

/** Where a function is called by its name; at a time unknown once it is handed on to what may keep it. */
function momentOfName(file: LintedFile, name: TSESTree.Identifier): Moment {
  const variable = ASTUtils.findVariable(file.source.getScope(name), name)
  const mentions = (variable?.references ?? [])
    .filter((reference) => reference.init !== true && reference.isRead())
    .map(({ identifier }) => identifier as TSESTree.Node)
  const sites = mentions.filter((mention) => {
    const { parent } = mention
    const isCalled = parent?.type === AST_NODE_TYPES.CallExpression
    return isCalled && (parent.callee === mention || isRunWithin(file, parent))
  })
  if (variable === null || isExported(variable) || sites.length === 0 || sites.length < mentions.length)
    return later
  return { kind: 'calls', sites }
}

/** Whether files that are not in sight may call what a variable holds. */
function isExported({ defs, scope }: TSESLint.Scope.Variable): boolean {
  if (scope.type === TSESLint.Scope.ScopeType.global) return true
  return defs.some(({ node, parent }) => {
    const [above] = ancestorsOf(parent ?? node)
    return above !== undefined && /^Export/u.test(above[0].type)
  })
}

/** Whether a call runs the functions that it is handed before the code around it goes on. */
function isRunWithin(file: LintedFile, call: TSESTree.CallExpression): boolean {
  const name = file.syntax.calledName(call) ?? ''
  if (keepsForLater.test(name)) return false
  if (/^(?:then|catch|finally)$/u.test(name)) return !isBehindEnd(file, call.callee)
  return runsAtOnce.test(name) || isAwaited(call)
}

/** `trx.executionPromise.then(…)`, `trx.commit().then(…)` */
function isBehindEnd(file: LintedFile, callee: TSESTree.Node): boolean {
  for (const node of nodesIn<TSESTree.Node>(file.syntax, callee, (child) => !isFunction(child))) {
    if (node.type !== AST_NODE_TYPES.MemberExpression) continue
    if (/^(?:executionPromise|commit|rollback)$/u.test(ASTUtils.getPropertyName(node) ?? '')) return true
  }
  return false
}

/** Whether the code around a call waits for what comes of it, or hands that on. */
function isAwaited(call: TSESTree.Node): boolean {
  for (const [above, child] of ancestorsOf(call)) {
    switch (above.type) {
      case AST_NODE_TYPES.AwaitExpression:
      case AST_NODE_TYPES.ReturnStatement:
      case AST_NODE_TYPES.ArrowFunctionExpression:
      case AST_NODE_TYPES.YieldExpression:
        return true
      case AST_NODE_TYPES.MemberExpression:
        if (above.object !== child) return false
        break
      case AST_NODE_TYPES.CallExpression:
      case AST_NODE_TYPES.ArrayExpression:
      case AST_NODE_TYPES.SpreadElement:
      case AST_NODE_TYPES.ChainExpression:
      case AST_NODE_TYPES.ConditionalExpression:
      case AST_NODE_TYPES.LogicalExpression:
      case AST_NODE_TYPES.TSAsExpression:
      case AST_NODE_TYPES.TSNonNullExpression:
      case AST_NODE_TYPES.TSSatisfiesExpression:
        break
      default:
        return false
    }
  }
  return false
}
