import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { syntaxOfProgram } from '../syntax/syntax-of-program.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { CallGraph } from './call-graph.ts'
import type { Kind } from './kind.ts'

export type Call = TSESTree.CallExpression | TSESTree.NewExpression

/** A call of a linted file in the tree in which its targets are: TypeScript's where there are types. */
export interface Followed<N extends object, How> {
  readonly syntax: Syntax<N>
  readonly graph: CallGraph<N, How>
  readonly call: N
  /** ESLint's node; `undefined` for those of other files. */
  readonly fromNode: (node: N) => TSESTree.Node | undefined
  readonly toNode: (node: TSESTree.Node) => N
}

/** Every summary made so far, per program or file, and kind. */
const graphs = new WeakMap<object, Map<string, unknown>>()

/**
 * How to ask what a call does, by itself or through others: by types across the program where there are any, else by names within the
 * file. `ask` is called only for calls whose name may lead there.
 */
export function createFollow<How, Answer>(
  { services, syntax }: LintedFile,
  kind: Kind<How>,
  ask: <N extends object>(followed: Followed<N, How>) => Answer[],
): (call: Call) => Answer[] {
  const isWorthALook = (call: Call, graph: { mayLead(name: string): boolean }): boolean => {
    const name = nameOf(calledWord(call))
    return (
      kind.mayBe(syntax, call, name) ||
      graph.mayLead(name) ||
      call.arguments.some((each) => each.type === AST_NODE_TYPES.Identifier && graph.mayLead(each.name))
    )
  }
  if (services === undefined) {
    const graph = graphOf<TSESTree.Node, How>(syntax, kind)
    return (call) => {
      const name = nameOf(calledWord(call))
      const mayLead = kind.mayBe(syntax, call, name) || graph.mayLead(name)
      return mayLead ? ask<TSESTree.Node>({ syntax, graph, call, fromNode: same, toNode: same }) : []
    }
  }
  const { esTreeNodeToTSNodeMap, tsNodeToESTreeNodeMap, program } = services
  const typed = syntaxOfProgram(program)
  const graph = graphOf(typed, kind)
  const toNode = (node: TSESTree.Node) => esTreeNodeToTSNodeMap.get(node)
  return (call) => {
    if (!isWorthALook(call, graph)) return []
    return ask({
      syntax: typed,
      graph,
      call: toNode(call),
      fromNode: (node) => tsNodeToESTreeNodeMap.get(node as never) as TSESTree.Node | undefined,
      toNode,
    })
  }
}

/** The word that a call calls something by. */
export function calledWord({
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

function graphOf<N extends object, How>(syntax: Syntax<N>, kind: Kind<How>): CallGraph<N, How> {
  const ofScope = graphs.get(syntax.scope) ?? new Map<string, unknown>()
  graphs.set(syntax.scope, ofScope)
  const graph = (ofScope.get(kind.key) as CallGraph<N, How> | undefined) ?? new CallGraph(syntax, kind)
  ofScope.set(kind.key, graph)
  return graph
}

function nameOf(word: ReturnType<typeof calledWord>): string {
  return (word?.type === AST_NODE_TYPES.Literal ? word.value : word?.name) ?? ''
}

function same<T>(node: T): T {
  return node
}

function isText(node: TSESTree.Literal): node is TSESTree.StringLiteral {
  return typeof node.value === 'string'
}
