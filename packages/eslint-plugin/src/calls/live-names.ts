import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { extentsOf } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import type { Call } from './follow.ts'

const known = new WeakMap<object, (call: Call) => boolean>()

const word = /trx|tx|transaction/iu

/**
 * Whether what a call is handed, or is made on, may have to do with a live transaction, by names alone: one of the file's
 * transactions, what is set from one, and whatever is called or declared by such a word. Types are asked only then, which is what keeps
 * the rule cheap.
 */
export function mayBeLive(file: LintedFile): (call: Call) => boolean {
  const made = known.get(file.source) ?? createMayBeLive(file)
  known.set(file.source, made)
  return made
}

function createMayBeLive(file: LintedFile): (call: Call) => boolean {
  const { source, syntax } = file
  if (!word.test(source.text)) return () => false
  const names = liveNames(file)
  const isLive = ({ name }: TSESTree.Identifier) => names.has(name) || word.test(name)
  const isInPlainSight = (child: TSESTree.Node) => !syntax.isFunction(child)
  return (call) =>
    [call.callee, ...call.arguments].some((part) => {
      for (const node of nodesIn<TSESTree.Node>(syntax, part, isInPlainSight)) {
        if (node.type === AST_NODE_TYPES.Identifier && isLive(node)) return true
      }
      return false
    })
}

function liveNames(file: LintedFile): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { variable } of extentsOf(file).all) if (variable !== undefined) names.add(variable.name)
  const holders: { name: string; text: string }[] = []
  for (const node of nodesIn<TSESTree.Node>(file.syntax, file.source.ast)) {
    if (node.type === AST_NODE_TYPES.Identifier && node.typeAnnotation !== undefined) {
      if (word.test(file.source.getText(node.typeAnnotation))) names.add(node.name)
    } else if (
      node.type === AST_NODE_TYPES.PropertyDefinition &&
      node.key.type === AST_NODE_TYPES.Identifier
    ) {
      if (node.typeAnnotation && word.test(file.source.getText(node.typeAnnotation))) names.add(node.key.name)
    } else if (node.type === AST_NODE_TYPES.VariableDeclarator && node.init !== null) {
      if (!file.syntax.isFunction(node.init))
        holders.push({ name: file.source.getText(node.id), text: file.source.getText(node.init) })
    } else if (node.type === AST_NODE_TYPES.AssignmentPattern) {
      // `function save(db = trx)`
      const fn = file.syntax.parent(node)
      if (fn !== undefined)
        holders.push({ name: file.syntax.nameOf(fn), text: file.source.getText(node.right) })
    } else if (node.type === AST_NODE_TYPES.AssignmentExpression) {
      holders.push({ name: file.source.getText(node.left), text: file.source.getText(node.right) })
    }
  }
  // In the order of the file: what is set from one counts for what follows.
  for (const { name, text } of holders) {
    const parts = text.match(/[\w$]+/gu) ?? []
    if (parts.some((part) => names.has(part) || word.test(part))) {
      for (const part of name.match(/[\w$]+/gu) ?? []) names.add(part)
    }
  }
  return names
}
