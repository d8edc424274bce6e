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
 * file. `ask` is called only for calls whose name may lead there, and that are wanted by what else is cheap to tell.
 */
export function createFollow<How, Answer>(
  { services, syntax }: LintedFile,
  kind: Kind<How>,
  ask: <N extends object>(followed: Followed<N, How>) => Answer[],
  isWanted: (call: Call) => boolean = () => true,
): (call: Call) => Answer[] {
  const typed = services && syntaxOfProgram(services.program)
  const mayLead = (name: string): boolean =>
    (typed === undefined ? graphOf(syntax, kind) : graphOf(typed, kind)).mayLead(name)
  const isWorthALook = (call: Call): boolean => {
    const name = nameOf(calledWord(call))
    if (kind.mayBe(syntax, call, name) || mayLead(name)) return isWanted(call)
    const hands = call.arguments.some((each) => each.type === AST_NODE_TYPES.Identifier && mayLead(each.name))
    return hands && isWanted(call)
  }
  if (services === undefined || typed === undefined) {
    return (call) =>
      isWorthALook(call)
        ? ask<TSESTree.Node>({ syntax, graph: graphOf(syntax, kind), call, fromNode: same, toNode: same })
        : []
  }
  const { esTreeNodeToTSNodeMap, tsNodeToESTreeNodeMap } = services
  const toNode = (node: TSESTree.Node) => esTreeNodeToTSNodeMap.get(node)
  return (call) =>
    isWorthALook(call)
      ? ask({
          syntax: typed,
          graph: graphOf(typed, kind),
          call: toNode(call),
          fromNode: (node) => tsNodeToESTreeNodeMap.get(node as never) as TSESTree.Node | undefined,
          toNode,
        })
      : []
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
