import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { chainOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { concatenation, type SqlText } from './sql-text.ts'

type Follow = (node: TSESTree.Node) => readonly SqlText[]

const empty: SqlText = [{ text: '' }]

/**
 * What a `let` may hold where it is used: each text it is set to, or the first with what `+=` puts behind it. `undefined`
 * where the node is no such variable.
 */
export function assignedTexts(
  { source }: LintedFile,
  use: TSESTree.Node,
  follow: Follow,
): readonly SqlText[] | undefined {
  if (use.type !== AST_NODE_TYPES.Identifier) return undefined
  const variable = ASTUtils.findVariable(source.getScope(use), use)
  const definition = variable?.defs[0]
  if (definition?.type !== TSESLint.Scope.DefinitionType.Variable) return undefined
  const { id, init } = definition.node
  if (variable?.defs.length !== 1 || id.type !== AST_NODE_TYPES.Identifier) return undefined

  const writes = variable.references.filter((reference) => reference.isWrite() && reference.init !== true)
  const assignments = writes.map(({ identifier }) => identifier.parent)
  if (!assignments.every((node) => node.type === AST_NODE_TYPES.AssignmentExpression)) return []
  if ([use, ...assignments].some((node) => functionAround(node) !== functionAround(id))) return []

  const first = init === null ? [] : follow(init)
  const before = assignments.filter(({ range }) => range[1] <= use.range[0])
  if (before.every(({ operator }) => operator === '=')) {
    return [...first, ...before.flatMap(({ right }) => follow(right))]
  }
  if (!assignments.every(({ operator }) => operator === '+=')) return []
  return concatenation([first, ...before.map((added) => piece(added, added.right, blockAround(id), follow))])
}

/** ``const query = SQL`…`; query.append(`…`)``: what is put behind a tagged template that a constant holds. */
export function appendedTexts(
  { source }: LintedFile,
  { parent }: TSESTree.TaggedTemplateExpression,
  follow: Follow,
): (readonly SqlText[])[] {
  if (parent.type !== AST_NODE_TYPES.VariableDeclarator || parent.id.type !== AST_NODE_TYPES.Identifier)
    return []
  const { id } = parent
  const [variable] = source.getDeclaredVariables(parent)
  return (variable?.references ?? []).flatMap(({ identifier }) =>
    appendsTo(identifier).map((call) => {
      const [text] = call.arguments
      const isElsewhere = functionAround(call) !== functionAround(id)
      return text === undefined || isElsewhere ? [] : piece(chainOf(call), text, blockAround(id), follow)
    }),
  )
}

/** The calls of `.append(…)` in a chain that a name begins. */
function appendsTo(name: TSESTree.Node): TSESTree.CallExpression[] {
  const calls: TSESTree.CallExpression[] = []
  for (let node: TSESTree.Node = name; ;) {
    const member: TSESTree.Node | undefined = node.parent
    if (member?.type !== AST_NODE_TYPES.MemberExpression || member.object !== node) return calls
    const call: TSESTree.Node = member.parent
    if (call.type !== AST_NODE_TYPES.CallExpression || ASTUtils.getPropertyName(member) !== 'append')
      return calls
    calls.push(call)
    node = call
  }
}

/** What a statement puts behind the rest: it may run always, perhaps, or again and again. */
function piece(
  statement: TSESTree.Node,
  text: TSESTree.Node,
  block: TSESTree.Node | undefined,
  follow: Follow,
): readonly SqlText[] {
  let isSure = true
  for (const [above] of ancestorsOf(statement)) {
    if (above === block) break
    if (/^(?:For|While|DoWhile)/u.test(above.type)) return []
    isSure &&=
      above.type === AST_NODE_TYPES.BlockStatement || above.type === AST_NODE_TYPES.ExpressionStatement
  }
  return isSure ? follow(text) : [...follow(text), empty]
}

function blockAround(node: TSESTree.Node): TSESTree.Node | undefined {
  return above(node, ({ type }) => type === AST_NODE_TYPES.BlockStatement || type === AST_NODE_TYPES.Program)
}

function functionAround(node: TSESTree.Node): TSESTree.Node | undefined {
  return above(node, (each) => ASTUtils.isFunction(each))
}

function above(node: TSESTree.Node, isFound: (node: TSESTree.Node) => boolean): TSESTree.Node | undefined {
  for (const [each] of ancestorsOf(node)) if (isFound(each)) return each
  return undefined
}
