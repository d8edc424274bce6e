import type * as ts from 'typescript'
import { handleByName, isForeign } from '../knex/handle-by-name.ts'
import { handleOfType, isDeclaredIn } from '../knex/handle-of-type.ts'
import type { Handle } from '../knex/handle.ts'
import { pgByName, type PgHeld } from '../pg/held.ts'
import { packagesByType, packagesIn } from './packages-of.ts'
import { shortPath } from './short-path.ts'
import type { Declaration, Named, Syntax } from './syntax.ts'
import { TypeScriptFunctions } from './typescript-functions.ts'
import { TypeScriptHandles } from './typescript-handles.ts'
import { mentionsOf, onlyValueOf } from './typescript-variables.ts'
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
  readonly #functions: TypeScriptFunctions
  readonly #handles: TypeScriptHandles
  #packages: ReadonlySet<string> | undefined
  readonly #values = new WeakMap<ts.VariableDeclaration, { readonly value: ts.Expression | undefined }>()

  constructor(typescript: TypeScript, program: ts.Program) {
    this.scope = program
    this.#ts = typescript
    this.#program = program
    this.#checker = program.getTypeChecker()
    this.#functions = new TypeScriptFunctions(typescript, this.#checker)
    this.#handles = new TypeScriptHandles(typescript, this.#checker, this.#functions)
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

  isFunction(node: ts.Node): boolean {
    return this.#ts.isFunctionLike(node)
  }

  isClass(node: ts.Node): boolean {
    return this.#ts.isClassLike(node)
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

  namedBy(node: ts.Node): Named | undefined {
    const ts = this.#ts
    if (ts.isImportSpecifier(node) || ts.isExportSpecifier(node)) {
      return node.propertyName && { name: node.name.text, aliasOf: node.propertyName.text }
    }
    if (ts.isImportClause(node)) return node.name && { name: node.name.text, aliasOf: 'default' }
    if (ts.isExportAssignment(node)) return this.#named('default', node.expression)
    if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node))
      return { name: node.name?.text ?? 'default' }
    if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) {
      return { name: node.name.getText(), isMember: ts.isMethodDeclaration(node) }
    }
    if (ts.isShorthandPropertyAssignment(node)) return { name: node.name.text, isMember: true }
    if (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node)) {
      if (!ts.isIdentifier(node.name) && !ts.isPrivateIdentifier(node.name)) return undefined
      const named = this.#named(node.name.text, node.initializer)
      return ts.isVariableDeclaration(node) ? named : { ...named, isMember: true }
    }
    return undefined
  }

  variableOf(name: ts.Node): object | undefined {
    return this.#functions.symbolAt(name)
  }

  declaredAt(name: ts.Node): ts.Node | undefined {
    return this.#functions.symbolAt(name)?.valueDeclaration
  }

  declarationOf(name: ts.Node): Declaration<ts.Node> | undefined {
    let declaration: ts.Node | undefined = this.declaredAt(name)
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
    const value = this.#ts.isVariableDeclaration(declaration) ? this.#onlyValueOf(declaration) : undefined
    return value && { kind: 'constant', value, path }
  }

  holderOf(value: ts.Node): ts.Node | undefined {
    const { parent } = value
    const isHeld = this.#ts.isVariableDeclaration(parent) && parent.initializer === value
    return isHeld && this.#ts.isIdentifier(parent.name) ? parent.name : undefined
  }

  usesOf(name: ts.Node): ts.Node[] {
    const declaration = this.declaredAt(name)
    if (declaration === undefined || !this.#ts.isVariableDeclaration(declaration)) return []
    return mentionsOf(this.#ts, declaration, this.#isSameAs(declaration))
  }

  functionCalledBy(call: ts.Node): ts.Node | undefined {
    if (this.#ts.isNewExpression(call)) return this.constructorCalledBy(call)
    if (!this.#ts.isCallExpression(call)) return undefined
    const called = this.#symbolCalledBy(call)
    return this.#functions.of(called) ?? (called && this.#functions.byType(call, called))
  }

  promisedBy(call: ts.Node): ts.Node | undefined {
    if (!this.#ts.isCallExpression(call)) return undefined
    const promised = this.#functions.signatureOf(this.#symbolCalledBy(call))
    return promised === undefined || this.#isOutside(promised.getSourceFile()) ? undefined : promised
  }

  implementationAt(promised: ts.Node, member: ts.Node): ts.Node | undefined {
    return this.#functions.implementing(promised, member)
  }

  functionAt(node: ts.Node): ts.Node | undefined {
    return this.#functions.at(node)
  }

  isAsync(fn: ts.Node): boolean {
    return this.#ts.canHaveModifiers(fn)
      ? (this.#ts.getModifiers(fn)?.some(({ kind }) => kind === this.#ts.SyntaxKind.AsyncKeyword) ?? false)
      : false
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
    const constructs =
      ts.isNewExpression(construction) ||
      (ts.isCallExpression(construction) && construction.expression.kind === ts.SyntaxKind.SuperKeyword)
    return constructs ? this.#functions.constructorOf(construction) : undefined
  }

  accessorAt(member: ts.Node): { returns: ts.Node | undefined } | undefined {
    const ts = this.#ts
    if (!ts.isPropertyAccessExpression(member)) return undefined
    const getter = this.#functions
      .symbolAt(member.name)
      ?.declarations?.find((declaration) => ts.isGetAccessorDeclaration(declaration))
    if (getter === undefined) return undefined
    const [only, ...others] = getter.body?.statements ?? []
    const isPlain = only !== undefined && others.length === 0 && ts.isReturnStatement(only)
    return { returns: isPlain ? only.expression : undefined }
  }

  handleOf(node: ts.Node, path: readonly string[] = []): Handle {
    const handle = this.#handles.of(node, path)
    if (handle !== 'unknown') return handle
    return isForeign(this.#importsOf(node.getSourceFile())) ? 'none' : handleByName(this, node, path)
  }

  mayUse(packages: RegExp): boolean {
    this.#packages ??= packagesIn(this.#ts, this.#program)
    return [...this.#packages].some((name) => packages.test(name))
  }

  pgOf(node: ts.Node, path: readonly string[] = []): PgHeld {
    const held = this.#handles.pgOf(node, path)
    return held === 'unknown' ? pgByName(this, node, path) : held
  }

  packagesOf(call: ts.Node): string[] {
    return this.#ts.isCallExpression(call) ? packagesByType(this.#ts, this.#checker, call) : []
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
      if (!this.#isOutside(file)) yield file
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
    return { file: shortPath(file.fileName), line: line + 1 }
  }

  /** Installed packages and declarations: no code that can be looked into. */
  #isOutside(file: ts.SourceFile): boolean {
    return file.isDeclarationFile || this.#program.isSourceFileFromExternalLibrary(file)
  }

  #named(name: string, value: ts.Expression | undefined): Named {
    if (value === undefined) return { name }
    if (this.#ts.isIdentifier(value)) return { name, aliasOf: value.text }
    return this.#ts.isPropertyAccessExpression(value) ? { name, aliasOf: value.name.text } : { name }
  }

  #symbolCalledBy(call: ts.CallExpression): ts.Symbol | undefined {
    const ts = this.#ts
    const callee = withoutWrapping(ts, call.expression)
    const name = ts.isPropertyAccessExpression(callee)
      ? callee.name
      : ts.isElementAccessExpression(callee)
        ? callee.argumentExpression
        : callee
    return this.#functions.symbolAt(name)
  }

  #onlyValueOf(declaration: ts.VariableDeclaration): ts.Expression | undefined {
    const known = this.#values.get(declaration)
    if (known !== undefined) return known.value
    const value = onlyValueOf(this.#ts, declaration, this.#isSameAs(declaration))
    this.#values.set(declaration, { value })
    return value
  }

  #isSameAs(declaration: ts.VariableDeclaration): (name: ts.Identifier) => boolean {
    const symbol = this.#functions.symbolAt(declaration.name)
    return (name) => this.#functions.symbolAt(name) === symbol
  }

  #importsOf(file: ts.SourceFile): string[] {
    return file.statements.flatMap((statement) =>
      this.#ts.isImportDeclaration(statement) && this.#ts.isStringLiteral(statement.moduleSpecifier)
        ? [statement.moduleSpecifier.text]
        : [],
    )
  }
}
