import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'

type Source = Readonly<TSESLint.SourceCode>

/** What a name stands for in another module. */
export interface Import {
  readonly module: string
  /** The name it is exported by; `default` for the whole module too. */
  readonly name: string
}

/** What an expression was imported as, by `import` or `require`: `Cursor`, `pg.Pool`. */
export function importOf(source: Source, node: TSESTree.Node): Import | undefined {
  if (node.type === AST_NODE_TYPES.MemberExpression) {
    const whole = importOf(source, node.object)
    const name = ASTUtils.getPropertyName(node)
    return whole?.name === 'default' && name !== null ? { module: whole.module, name } : undefined
  }
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  const definition = ASTUtils.findVariable(source.getScope(node), node)?.defs[0]
  if (definition?.type === TSESLint.Scope.DefinitionType.ImportBinding) return byImport(definition)
  if (definition?.type !== TSESLint.Scope.DefinitionType.Variable) return undefined
  const { init, id } = definition.node
  if (init?.type !== AST_NODE_TYPES.CallExpression) return undefined
  const [first] = init.arguments
  const isRequire = init.callee.type === AST_NODE_TYPES.Identifier && init.callee.name === 'require'
  if (!isRequire || first?.type !== AST_NODE_TYPES.Literal) return undefined
  const name = id.type === AST_NODE_TYPES.ObjectPattern ? keyOf(id, node.name) : 'default'
  return name === undefined ? undefined : { module: String(first.value), name }
}

function byImport({ node, parent }: TSESLint.Scope.Definitions.ImportBindingDefinition): Import | undefined {
  if (node.type === AST_NODE_TYPES.TSImportEqualsDeclaration) {
    const { moduleReference } = node
    if (moduleReference.type !== AST_NODE_TYPES.TSExternalModuleReference) return undefined
    return { module: moduleReference.expression.value, name: 'default' }
  }
  if (parent.type !== AST_NODE_TYPES.ImportDeclaration) return undefined
  const { value: module } = parent.source
  if (node.type !== AST_NODE_TYPES.ImportSpecifier) return { module, name: 'default' }
  const { imported } = node
  return { module, name: imported.type === AST_NODE_TYPES.Identifier ? imported.name : imported.value }
}

/** The property that a pattern gives a name to. */
function keyOf({ properties }: TSESTree.ObjectPattern, name: string): string | undefined {
  const found = properties.find(
    (property) =>
      property.type === AST_NODE_TYPES.Property &&
      property.value.type === AST_NODE_TYPES.Identifier &&
      property.value.name === name,
  )
  return found?.type === AST_NODE_TYPES.Property ? (ASTUtils.getPropertyName(found) ?? undefined) : undefined
}
