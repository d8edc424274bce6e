import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { extentsOf } from '../extent/extents.ts'
import { momentOf } from '../extent/moment.ts'
import { builtQueryAt } from '../knex/built-query.ts'
import { readChain } from '../knex/chain.ts'
import { chainOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { transactionKeyOf, type TransactionKey } from './transaction-key.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

/** A call that sends something on an open transaction, itself or by handing the transaction on. */
export interface Use {
  readonly call: TSESTree.CallExpression
  /** What holds the transaction there. */
  readonly on: TSESTree.Node
  readonly key: TransactionKey
}

/** Calls that take a transaction and send nothing: hooks, questions, ends, and what writes logs. */
const sendsNothing =
  /^(?:(?:after|before|on)(?:Commit|Rollback|Completion)|(?:set|is)RollbackOnly|rollbackReason|is\w*|has\w*|assert\w*|expect|commit\w*|rollback\w*|on|once|off|log|info|warn|error|debug|trace|bind|bindKnex|bindTransaction)$/u

/** Everything in `region` that sends something on an open transaction, while the region's own code runs. */
export function usesIn(file: LintedFile, region: TSESTree.Node): Use[] {
  return usesBelow(file, region, [])
}

/** Whether the transaction of `use`, which stands in `tried`, is open before that begins. */
export function isOpenAround(
  file: LintedFile,
  { key }: Use,
  tried: TSESTree.Node,
  at: TSESTree.Node,
): boolean {
  if (typeof key === 'string') return true
  const extents = extentsOf(file)
  if (extents.all.some(({ variable }) => variable === key)) {
    return extents.at(at).some(({ variable }) => variable === key)
  }
  return isWithin(at, key.scope.block) && !key.defs.some(({ name }) => isWithin(name, tried))
}

function usesBelow(file: LintedFile, region: TSESTree.Node, asked: readonly TSESTree.Node[]): Use[] {
  const uses: Use[] = []
  const runsWithin = (child: TSESTree.Node) =>
    !isFunction(child) || child === region || momentOf(file, child).kind === 'here'
  for (const node of nodesIn<TSESTree.Node>(file.syntax, region, runsWithin)) {
    if (node.type === AST_NODE_TYPES.CallExpression) uses.push(...usesBy(file, node, asked))
  }
  return uses
}

function usesBy(file: LintedFile, call: TSESTree.CallExpression, asked: readonly TSESTree.Node[]): Use[] {
  const on = sentOn(file, call)
  const key = on && transactionKeyOf(file, on)
  if (on !== undefined && key !== undefined && !file.isOnWriter(on)) return [{ call, on, key }]
  if (call.callee.type !== AST_NODE_TYPES.Identifier) return []
  // A function of this file that closes over the transaction.
  const fn = file.syntax.functionAt(call.callee)
  if (fn === undefined || !isFunction(fn) || asked.includes(fn) || asked.length > 3) return []
  return usesBelow(file, fn, [...asked, fn]).map(({ on: reached, key: through }) => ({
    call,
    on: reached,
    key: through,
  }))
}

/** The transaction, by the look of it, that a call's query is sent on or that the call hands on. */
function sentOn(file: LintedFile, call: TSESTree.CallExpression): TSESTree.Node | undefined {
  if (chainOf(call) !== call) return undefined
  const { end, links } = readChain(call)
  const last = links.at(-1)
  if (last !== undefined && /^(?:then|catch|finally)$/u.test(last.name)) return undefined
  const query = builtQueryAt(file, call)
  if (query !== undefined) return query.on
  if (links.length === 1 && last?.name === 'transaction') return end
  const calls =
    end.type === AST_NODE_TYPES.CallExpression
      ? [end, ...links.map((link) => link.call)]
      : links.map((link) => link.call)
  return calls
    .filter((each) => !sendsNothing.test(file.syntax.calledName(each) ?? ''))
    .flatMap((each) => each.arguments.flatMap(valuesHanded))
    .find((value) => transactionKeyOf(file, value) !== undefined)
}

/** An argument, and the values of an object that is one: `{ trx }`. */
function valuesHanded(argument: TSESTree.Node): TSESTree.Node[] {
  if (argument.type !== AST_NODE_TYPES.ObjectExpression) return [argument]
  return argument.properties.flatMap((property) =>
    property.type === AST_NODE_TYPES.Property ? [property.value] : [],
  )
}
