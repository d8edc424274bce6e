import { basename } from 'node:path'
import type * as ts from 'typescript'
import { handleByName, isForeign } from '../knex/handle-by-name.ts'
import { handleOfType, isDeclaredIn } from '../knex/handle-of-type.ts'
import type { Handle } from '../knex/handle.ts'
import type { Declaration, Syntax } from './syntax.ts'
import { viewOfTypeScript, withoutWrapping } from './typescript-view.ts'
import type { View } from './view.ts'

type TypeScript = typeof ts

/** TypeScript's tree: every file of the program, and what things are is told by their types. */
export class TypeScriptSyntax implements Syntax<ts.Node> {
  readonly typed = true
  readonly scope: object
  readonly #ts: TypeScript
  readonly #program: ts.Program
  readonly #checker: ts.TypeChecker

  constructor(typescript: TypeScript, program: ts.Program) {
    this.scope = program
    this.#ts = typescript
    this.#program = program
    this.#checker = program.getTypeChecker()
  }

  view(node: ts.Node): View<ts.Node> {
    return viewOfTypeScript(this.#ts, node)
  }

  parent(node: ts.Node): ts.Node | undefined {
    // The type says that there always is one; above a source file there is none.
    return node.parent
  }

  eachChild(node: ts.Node, visit: (child: ts.Node) => void): void {
    this.#ts.forEachChild(node, (child) => {
      visit(child)
    })
  }

  calledName(node: ts.Node): string | undefined {
    const ts = this.#ts
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined
    const callee = withoutWrapping(ts, node.expression)
    if (ts.isIdentifier(callee)) return callee.text
    if (ts.isElementAccessExpression(callee)) {
      return ts.isStringLiteralLike(callee.argumentExpression) ? callee.argumentExpression.text : undefined
    }
    return ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined
  }

  namedBy(node: ts.Node): { name: string; aliasOf?: string } | undefined {
    const ts = this.#ts
    if (ts.isImportSpecifier(node) || ts.isExportSpecifier(node)) {
      return node.propertyName && { name: node.name.text, aliasOf: node.propertyName.text }
    }
    if (ts.isImportClause(node)) return node.name && { name: node.name.text, aliasOf: 'default' }
    if (ts.isExportAssignment(node)) return this.#named('default', node.expression)
    if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node))
      return { name: node.name?.text ?? 'default' }
    if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) return { name: node.name.getText() }
    if (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node)) {
      return ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name)
        ? this.#named(node.name.text, node.initializer)
        : undefined
    }
    return undefined
  }

  variableOf(name: ts.Node): object | undefined {
    return this.#symbolAt(name)
  }

  declarationOf(name: ts.Node): Declaration<ts.Node> | undefined {
    let declaration: ts.Node | undefined = this.#symbolAt(name)?.valueDeclaration
    const path: string[] = []
    while (declaration !== undefined && this.#ts.isBindingElement(declaration)) {
      const { propertyName, name: bound, dotDotDotToken, parent } = declaration
      const isPlain = this.#ts.isObjectBindingPattern(parent) && dotDotDotToken === undefined
      path.unshift(isPlain ? (propertyName ?? bound).getText() : '?')
      declaration = parent.parent
    }
    if (declaration === undefined) return undefined
    if (this.#ts.isParameter(declaration)) {
      const index = declaration.parent.parameters
        .filter(({ name }) => name.getText() !== 'this')
        .indexOf(declaration)
      return { kind: 'parameter', function: declaration.parent, index, path }
    }
    if (!this.#ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
      return undefined
    const isConstant = (this.#ts.getCombinedNodeFlags(declaration) & this.#ts.NodeFlags.Const) !== 0
    return isConstant ? { kind: 'constant', value: declaration.initializer, path } : undefined
  }

  functionCalledBy(call: ts.Node): ts.Node | undefined {
    const ts = this.#ts
    if (ts.isNewExpression(call)) return this.constructorCalledBy(call)
    if (!ts.isCallExpression(call)) return undefined
    const callee = withoutWrapping(ts, call.expression)
    const name = ts.isPropertyAccessExpression(callee)
      ? callee.name
      : ts.isElementAccessExpression(callee)
        ? callee.argumentExpression
        : callee
    return this.#functionOf(this.#symbolAt(name), 0)
  }

  functionAt(node: ts.Node): ts.Node | undefined {
    const value = withoutWrapping(this.#ts, node)
    if (this.#ts.isFunctionLike(value)) return value
    return this.#ts.isIdentifier(value) ? this.#functionOf(this.#symbolAt(value), 0) : undefined
  }

  defaultOf(fn: ts.Node, index: number): ts.Node | undefined {
    if (!this.#ts.isFunctionLike(fn)) return undefined
    const parameters = fn.parameters.filter(
      (parameter) => this.#ts.isParameter(parameter) && parameter.name.getText() !== 'this',
    )
    const parameter = parameters[index]
    return parameter && this.#ts.isParameter(parameter) ? parameter.initializer : undefined
  }

  constructorCalledBy(construction: ts.Node): ts.Node | undefined {
    const ts = this.#ts
    if (!ts.isNewExpression(construction)) return undefined
    let declared = this.#symbolAt(construction.expression)?.valueDeclaration
    for (let depth = 0; declared !== undefined && ts.isClassLike(declared) && depth < 8; depth++) {
      const own = declared.members.find(
        (member) => ts.isConstructorDeclaration(member) && member.body !== undefined,
      )
      if (own !== undefined) return own
      const base: ts.ExpressionWithTypeArguments | undefined = declared.heritageClauses?.find(
        ({ token }) => token === ts.SyntaxKind.ExtendsKeyword,
      )?.types[0]
      declared = base && this.#symbolAt(base.expression)?.valueDeclaration
    }
    return undefined
  }

  handleOf(node: ts.Node, path: readonly string[] = []): Handle {
    let type = this.#checker.getTypeAtLocation(node)
    for (const property of path) {
      const symbol = this.#propertyOf(this.#checker.getNonNullableType(type), property)
      if (symbol === undefined) return 'unknown'
      type = this.#checker.getTypeOfSymbolAtLocation(symbol, node)
    }
    const handle = handleOfType(this.#ts, this.#checker, type)
    if (handle !== 'unknown') return handle
    return isForeign(this.#importsOf(node.getSourceFile())) ? 'none' : handleByName(this, node, path)
  }

  isTransactionGuard(call: ts.Node): boolean {
    if (!this.#ts.isCallExpression(call)) return false
    const signature = this.#checker.getResolvedSignature(call)
    const predicate = signature && this.#checker.getTypePredicateOfSignature(signature)
    if (predicate?.type === undefined || predicate.parameterIndex !== 0) return false
    return handleOfType(this.#ts, this.#checker, predicate.type) === 'transaction'
  }

  isObjectionModel(node: ts.Node): boolean {
    const type = this.#checker.getTypeAtLocation(node)
    const property = this.#checker.getPropertyOfType(this.#checker.getApparentType(type), 'bindTransaction')
    return isDeclaredIn(property, 'objection')
  }

  isObjectionTransaction(node: ts.Node): boolean {
    return isDeclaredIn(this.#checker.getTypeAtLocation(node).symbol, 'objection')
  }

  *roots(): Iterable<ts.Node> {
    for (const file of this.#program.getSourceFiles()) {
      if (!file.isDeclarationFile && !this.#program.isSourceFileFromExternalLibrary(file)) yield file
    }
  }

  nameOf(fn: ts.Node): string {
    const ts = this.#ts
    for (let node: ts.Node | undefined = fn; node !== undefined; node = this.parent(node)) {
      if (ts.isConstructorDeclaration(node)) return `new ${node.parent.name?.text ?? 'class'}`
      const name = this.namedBy(node)?.name
      if (name !== undefined) return name
      if (node !== fn && ts.isFunctionLike(node)) break
    }
    return '(anonymous function)'
  }

  textOf(node: ts.Node): string {
    return node.getText()
  }

  positionOf(node: ts.Node): { file: string; line: number } {
    const file = node.getSourceFile()
    const { line } = file.getLineAndCharacterOfPosition(node.getStart())
    return { file: basename(file.fileName), line: line + 1 }
  }

  #named(name: string, value: ts.Expression | undefined): { name: string; aliasOf?: string } {
    if (value === undefined) return { name }
    if (this.#ts.isIdentifier(value)) return { name, aliasOf: value.text }
    return this.#ts.isPropertyAccessExpression(value) ? { name, aliasOf: value.name.text } : { name }
  }

  #symbolAt(name: ts.Node): ts.Symbol | undefined {
    const { parent } = name
    const symbol = this.#ts.isShorthandPropertyAssignment(parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(parent)
      : this.#checker.getSymbolAtLocation(name)
    const isAlias = symbol !== undefined && (symbol.flags & this.#ts.SymbolFlags.Alias) !== 0
    return isAlias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }

  #functionOf(symbol: ts.Symbol | undefined, depth: number): ts.Node | undefined {
    const ts = this.#ts
    if (depth > 6) return undefined
    for (const declaration of symbol?.declarations ?? []) {
      if (ts.isFunctionLike(declaration) && 'body' in declaration && declaration.body !== undefined)
        return declaration
      const value =
        ts.isVariableDeclaration(declaration) ||
        ts.isPropertyAssignment(declaration) ||
        ts.isPropertyDeclaration(declaration)
          ? declaration.initializer && withoutWrapping(ts, declaration.initializer)
          : ts.isShorthandPropertyAssignment(declaration)
            ? declaration.name
            : undefined
      if (value === undefined) continue
      if (ts.isFunctionLike(value)) return value
      const named = ts.isPropertyAccessExpression(value) ? value.name : value
      if (ts.isIdentifier(named)) return this.#functionOf(this.#symbolAt(named), depth + 1)
    }
    return undefined
  }

  #propertyOf(type: ts.Type, name: string): ts.Symbol | undefined {
    if (!name.startsWith('#')) return this.#checker.getPropertyOfType(type, name)
    // A private name's symbol is mangled; its declaration is not.
    return type.getProperties().find(({ valueDeclaration }) => {
      const declared = valueDeclaration && this.#ts.getNameOfDeclaration(valueDeclaration)
      return declared !== undefined && this.#ts.isPrivateIdentifier(declared) && declared.text === name
    })
  }

  #importsOf(file: ts.SourceFile): string[] {
    return file.statements.flatMap((statement) =>
      this.#ts.isImportDeclaration(statement) && this.#ts.isStringLiteral(statement.moduleSpecifier)
        ? [statement.moduleSpecifier.text]
        : [],
    )
  }
}
