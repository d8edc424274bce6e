import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { ancestorsOf } from './ancestors-of.ts'
import { viewOfEstree } from './estree-view.ts'
import type { Named } from './syntax.ts'

type Node = TSESTree.Node

export function named(key: Node, value: Node | null): Named | undefined {
  if (key.type !== AST_NODE_TYPES.Identifier && key.type !== AST_NODE_TYPES.PrivateIdentifier)
    return undefined
  const aliased = value === null ? undefined : viewOfEstree(value)
  if (aliased?.kind === 'name') return { name: key.name, aliasOf: aliased.name }
  return aliased?.kind === 'member' ? { name: key.name, aliasOf: aliased.property } : { name: key.name }
}

export function isNullish(node: Node): boolean {
  const view = viewOfEstree(node)
  return view.kind === 'literal' && view.value == null
}

export function withoutWrapping(node: Node): Node {
  const view = viewOfEstree(node)
  return view.kind === 'wrapped' ? withoutWrapping(view.inner) : node
}

/** The properties a destructuring pattern goes through to a name. */
export function pathTo(name: Node): string[] {
  const path: string[] = []
  for (let node = name.parent; node !== undefined; node = node.parent) {
    if (node.type === AST_NODE_TYPES.Property) {
      path.unshift(node.key.type === AST_NODE_TYPES.Identifier ? node.key.name : '?')
    } else if (node.type === AST_NODE_TYPES.ArrayPattern || node.type === AST_NODE_TYPES.RestElement) {
      path.unshift('?')
    } else if (node.type !== AST_NODE_TYPES.ObjectPattern && node.type !== AST_NODE_TYPES.AssignmentPattern) {
      break
    }
  }
  return path
}

export function enclosingClass(node: Node): TSESTree.ClassDeclaration | TSESTree.ClassExpression | undefined {
  for (const [above] of ancestorsOf(node)) {
    if (above.type === AST_NODE_TYPES.ClassDeclaration || above.type === AST_NODE_TYPES.ClassExpression)
      return above
  }
  return undefined
}

export function methodOf(
  owner: TSESTree.ClassDeclaration | TSESTree.ClassExpression,
  name: string,
): Node | undefined {
  const member = owner.body.body.find(
    (each) => each.type === AST_NODE_TYPES.MethodDefinition && named(each.key, null)?.name === name,
  )
  return member?.type === AST_NODE_TYPES.MethodDefinition && member.value.body !== null
    ? member.value
    : undefined
}
