import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'

type Source = Readonly<TSESLint.SourceCode>

/** What a constant of this file, or a property of one, is set to. `names` counts the names followed. */
export function constantValue(source: Source, node: TSESTree.Node, names = 0): TSESTree.Node | undefined {
  if (names > 8) return undefined
  if (node.type === AST_NODE_TYPES.MemberExpression) {
    const name = ASTUtils.getPropertyName(node)
    if (name === null) return undefined
    const object = constantObject(source, node.object, names + 1)
    return object && propertyOf(object, name)
  }
  const declarator = declaratorOf(source, node)
  return declarator?.parent.kind === 'const' ? (declarator.init ?? undefined) : undefined
}

/** The declaration of a variable by its name alone, not by a pattern. */
function declaratorOf(source: Source, node: TSESTree.Node): TSESTree.VariableDeclarator | undefined {
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  const definition = ASTUtils.findVariable(source.getScope(node), node)?.defs[0]
  if (definition?.type !== TSESLint.Scope.DefinitionType.Variable) return undefined
  const declarator = definition.node
  return declarator.id.type === AST_NODE_TYPES.Identifier ? declarator : undefined
}

/** The object that an expression is or names. */
export function constantObject(
  source: Source,
  node: TSESTree.Node,
  names = 0,
): TSESTree.ObjectExpression | undefined {
  const plain = withoutType(node)
  if (plain.type === AST_NODE_TYPES.ObjectExpression) return plain
  const value = constantValue(source, plain, names + 1)
  return value && constantObject(source, value, names + 1)
}

/** `{ … } as const satisfies Statements`, `Object.freeze({ … })` */
export function withoutType(node: TSESTree.Node): TSESTree.Node {
  switch (node.type) {
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
      return withoutType(node.expression)
    case AST_NODE_TYPES.CallExpression: {
      const { callee, arguments: given } = node
      const isFrozen =
        callee.type === AST_NODE_TYPES.MemberExpression &&
        callee.object.type === AST_NODE_TYPES.Identifier &&
        callee.object.name === 'Object' &&
        ASTUtils.getPropertyName(callee) === 'freeze'
      return isFrozen && given[0] !== undefined ? withoutType(given[0]) : node
    }
    default:
      return node
  }
}

/** The value of a property that is written out; the last of several counts, and what is spread behind it may override it. */
export function propertyOf(object: TSESTree.ObjectExpression, name: string): TSESTree.Node | undefined {
  let value: TSESTree.Node | undefined
  for (const property of object.properties) {
    if (property.type === AST_NODE_TYPES.SpreadElement) value = undefined
    else if (ASTUtils.getPropertyName(property) === name) value = property.value
  }
  return value
}
