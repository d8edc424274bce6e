import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type * as ts from 'typescript'
import { viewOfEstree } from './estree-view.ts'
import { withoutWrapping } from './typescript-view.ts'

type TypeScript = typeof ts

/** What a name of the language's or the host's own counts as. */
const always = 'global'

/** The package that a name comes from, by imports: `transport` of `nodemailer.createTransport()`, a constant's value, a new instance. */
export function packageByImport(
  source: Readonly<TSESLint.SourceCode>,
  node: TSESTree.Node,
  depth = 0,
): string | undefined {
  if (depth > 8) return undefined
  const follow = (next: TSESTree.Node) => packageByImport(source, next, depth + 1)
  const view = viewOfEstree(node)
  switch (view.kind) {
    case 'wrapped':
    case 'await':
      return follow(view.inner)
    case 'member':
      return follow(view.object)
    case 'call':
      return requiredBy(node) ?? follow(view.callee)
    case 'new':
      return follow(view.callee)
    case 'name': {
      if (node.type !== AST_NODE_TYPES.Identifier) return undefined
      const variable = ASTUtils.findVariable(source.getScope(node), node)
      const [definition] = variable?.defs ?? []
      if (definition === undefined) return always
      if (definition.type === TSESLint.Scope.DefinitionType.ImportBinding) {
        const { parent } = definition
        return parent.type === AST_NODE_TYPES.ImportDeclaration ? parent.source.value : undefined
      }
      const isSet =
        definition.type === TSESLint.Scope.DefinitionType.Variable && definition.node.init !== null
      return isSet ? follow(definition.node.init!) : undefined
    }
    default:
      return undefined
  }
}

/** `require('axios')` */
function requiredBy(node: TSESTree.Node): string | undefined {
  if (node.type !== AST_NODE_TYPES.CallExpression || node.callee.type !== AST_NODE_TYPES.Identifier)
    return undefined
  const [first] = node.arguments
  if (node.callee.name !== 'require' || first?.type !== AST_NODE_TYPES.Literal) return undefined
  return typeof first.value === 'string' ? first.value : undefined
}

/** Every package of which {@link packagesByType} may answer: those of the program's files, and those that its own files import. */
export function packagesIn(ts: TypeScript, program: ts.Program): Set<string> {
  const found = new Set([always])
  for (const file of program.getSourceFiles()) {
    const name = packageOf(file.fileName)
    if (name !== undefined) found.add(name)
    // A package without types is known by its import alone, and so is a module of Node.
    else for (const imported of importedBy(ts, file)) found.add(imported)
  }
  return found
}

function importedBy(ts: TypeScript, { statements }: ts.SourceFile): string[] {
  return statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
    const from = isImport ? statement.moduleSpecifier : undefined
    return from !== undefined && ts.isStringLiteral(from) ? [from.text] : []
  })
}

/** The packages that a call's callee comes from: by its import, by the type of what it is called on, and by its own declaration. */
export function packagesByType(ts: TypeScript, checker: ts.TypeChecker, call: ts.CallExpression): string[] {
  const callee = withoutWrapping(ts, call.expression)
  const object = ts.isPropertyAccessExpression(callee) ? callee.expression : undefined
  const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee
  const imported = moduleOf(ts, checker, callee)
  return [
    ...(imported === undefined ? [] : [imported]),
    ...(object === undefined ? [] : packagesDeclaring(checker.getTypeAtLocation(object).getSymbol())),
    ...packagesDeclaring(withoutAlias(ts, checker, checker.getSymbolAtLocation(name))),
  ]
}

function moduleOf(ts: TypeScript, checker: ts.TypeChecker, node: ts.Node, depth = 0): string | undefined {
  if (depth > 8) return undefined
  const isPassing =
    ts.isPropertyAccessExpression(node) ||
    ts.isCallExpression(node) ||
    ts.isNewExpression(node) ||
    ts.isAwaitExpression(node)
  if (isPassing) return moduleOf(ts, checker, withoutWrapping(ts, node.expression), depth + 1)
  if (!ts.isIdentifier(node)) return undefined
  for (const declaration of checker.getSymbolAtLocation(node)?.declarations ?? []) {
    if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) {
      return moduleOf(ts, checker, withoutWrapping(ts, declaration.initializer), depth + 1)
    }
    let above: ts.Node = declaration
    while (!ts.isImportDeclaration(above) && !ts.isSourceFile(above)) above = above.parent
    if (ts.isImportDeclaration(above) && ts.isStringLiteral(above.moduleSpecifier))
      return above.moduleSpecifier.text
  }
  return undefined
}

function withoutAlias(
  ts: TypeScript,
  checker: ts.TypeChecker,
  symbol: ts.Symbol | undefined,
): ts.Symbol | undefined {
  const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
  return isAlias ? checker.getAliasedSymbol(symbol) : symbol
}

/** The packages in which a symbol is declared, without the `@types/` before them. */
function packagesDeclaring(symbol: ts.Symbol | undefined): string[] {
  return (symbol?.declarations ?? []).flatMap((declaration) => {
    const name = packageOf(declaration.getSourceFile().fileName)
    if (name === undefined) return []
    return [name === always ? (nodeModule(declaration) ?? always) : name]
  })
}

/** The package that a file belongs to, without the `@types/` before it; {@link always} where it declares the language or the host. */
function packageOf(fileName: string): string | undefined {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//u.exec(fileName) ?? []
  if (name === undefined) return undefined
  if (name === 'typescript' || name === 'undici-types' || name === '@types/node') return always
  const [, scope, unscoped] = /^@types\/(?:([^/]+?)__)?([^/]+)$/u.exec(name) ?? []
  if (unscoped === undefined) return name
  return scope === undefined ? unscoped : `@${scope}/${unscoped}`
}

/** `declare module 'http' { … }` */
function nodeModule(declaration: ts.Node): string | undefined {
  let above: ts.Node | undefined = declaration
  while (above !== undefined) {
    const { name, parent } = above as { name?: { text?: string }; parent?: ts.Node }
    if ('body' in above && /^(?:node:)?https?$/u.test(name?.text ?? '')) return name?.text
    above = parent
  }
  return undefined
}
