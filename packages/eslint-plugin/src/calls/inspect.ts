import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type * as ts from 'typescript'
import type { OpeningMethod, TransactionFunctions } from '../knex/openings.ts'
import type { LintedFile } from '../linted-file.ts'
import { typescriptOf } from '../syntax/program-of.ts'
import { TypeScriptSyntax } from '../syntax/typescript-syntax.ts'
import { CallGraph, type Step } from './targets.ts'

/** A transaction opened on one that is live. */
export interface Nesting {
  /** What to underline. */
  readonly node: TSESTree.Node
  /** The live transaction, as far as it stands in this file; else the call. */
  readonly on: TSESTree.Node
  readonly how: OpeningMethod
  /** Empty where the call itself opens it. */
  readonly chain: readonly Step[]
}

export type Call = TSESTree.CallExpression | TSESTree.NewExpression

/** Every summary made so far, per program and set of options. */
const graphs = new WeakMap<ts.Program, Map<string, CallGraph<ts.Node>>>()

/** How to find the nestings in a file: by types across the program where there are any, else by names within the file. */
export function createInspect({ services, settings, syntax }: LintedFile): (call: Call) => Nesting[] {
  const wrappers = settings.transactionFunctions
  if (services === undefined) {
    const graph = new CallGraph(syntax, wrappers)
    return (call) =>
      nestingsOf<TSESTree.Node>(
        graph,
        call,
        () => call,
        (node) => node,
      )
  }
  const { program, esTreeNodeToTSNodeMap, tsNodeToESTreeNodeMap } = services
  const graph = graphOf(program, wrappers)
  return (call) =>
    nestingsOf(
      graph,
      call,
      () => esTreeNodeToTSNodeMap.get(call),
      (node) => tsNodeToESTreeNodeMap.get(node as never) as TSESTree.Node | undefined,
    )
}

function graphOf(program: ts.Program, wrappers: TransactionFunctions): CallGraph<ts.Node> {
  const key = JSON.stringify([...wrappers])
  const known = graphs.get(program) ?? new Map<string, CallGraph<ts.Node>>()
  graphs.set(program, known)
  const graph =
    known.get(key) ?? new CallGraph(new TypeScriptSyntax(typescriptOf(program), program), wrappers)
  known.set(key, graph)
  return graph
}

function nestingsOf<N extends object>(
  graph: CallGraph<N>,
  call: Call,
  toNode: () => N,
  fromNode: (node: N) => TSESTree.Node | undefined,
): Nesting[] {
  const word = calledWord(call)
  const name = word?.type === AST_NODE_TYPES.Literal ? word.value : word?.name
  if (word === undefined || name === undefined || !graph.isCandidate(name)) return []
  const node = toNode()
  return graph.targetsOf(node).flatMap((target) => {
    if (graph.livenessOf(node, target) !== 'live') return []
    const on = fromNode(target.node)
    const isArgument = on !== undefined && call.arguments.some((argument) => isWithin(on, argument))
    const underlined = isArgument && target.chain.length > 0 ? on : word
    return [{ node: underlined, on: on ?? call, how: target.how, chain: target.chain }]
  })
}

function calledWord({
  callee,
}: Call): TSESTree.Identifier | TSESTree.PrivateIdentifier | TSESTree.StringLiteral | undefined {
  const called = callee.type === AST_NODE_TYPES.TSNonNullExpression ? callee.expression : callee
  if (called.type === AST_NODE_TYPES.Identifier) return called
  if (called.type !== AST_NODE_TYPES.MemberExpression) return undefined
  const { property } = called
  if (property.type === AST_NODE_TYPES.Literal) return isText(property) ? property : undefined
  const isPlain = property.type === AST_NODE_TYPES.Identifier && !called.computed
  return isPlain || property.type === AST_NODE_TYPES.PrivateIdentifier ? property : undefined
}

function isWithin(inner: TSESTree.Node, outer: TSESTree.Node): boolean {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1]
}

function isText(node: TSESTree.Literal): node is TSESTree.StringLiteral {
  return typeof node.value === 'string'
}
