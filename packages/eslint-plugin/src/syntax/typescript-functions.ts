import type * as ts from 'typescript'
import { withoutWrapping } from './typescript-view.ts'

type TypeScript = typeof ts

/** Files whose stand-ins are no code that runs: one implementation and its mock are one implementation. */
const testFile =
  /(?:^|[/\\])(?:tests?|__tests__|__mocks__|mocks?|testing|fixtures)[/\\]|[.-](?:test|spec|mock)\.[cm]?[jt]sx?$/u

/** From what is called to the functions that run. */
export class TypeScriptFunctions {
  readonly #ts: TypeScript
  readonly #checker: ts.TypeChecker

  constructor(typescript: TypeScript, checker: ts.TypeChecker) {
    this.#ts = typescript
    this.#checker = checker
  }

  symbolAt(name: ts.Node): ts.Symbol | undefined {
    const { parent } = name
    const symbol = this.#ts.isShorthandPropertyAssignment(parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(parent)
      : this.#checker.getSymbolAtLocation(name)
    const isAlias = symbol !== undefined && (symbol.flags & this.#ts.SymbolFlags.Alias) !== 0
    return isAlias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }

  /** The function with a body that a value is or names. */
  at(node: ts.Node): ts.Node | undefined {
    const ts = this.#ts
    const value = withoutWrapping(ts, node)
    if (ts.isFunctionLike(value)) return value
    if (ts.isIdentifier(value)) return this.of(this.symbolAt(value))
    return ts.isPropertyAccessExpression(value) ? this.of(this.symbolAt(value.name)) : undefined
  }

  of(symbol: ts.Symbol | undefined, depth = 0): ts.Node | undefined {
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
      if (ts.isIdentifier(named)) return this.of(this.symbolAt(named), depth + 1)
    }
    return undefined
  }

  /** The constructor that runs for `new X()` or, in a constructor, for `super()`; the inherited one included. */
  constructorOf(construction: ts.NewExpression | ts.CallExpression): ts.Node | undefined {
    const ts = this.#ts
    let declared = this.symbolAt(construction.expression)?.valueDeclaration
    for (let depth = 0; declared !== undefined && ts.isClassLike(declared) && depth < 8; depth++) {
      const own = declared.members.find(
        (member) => ts.isConstructorDeclaration(member) && member.body !== undefined,
      )
      if (own !== undefined) return own
      const base: ts.ExpressionWithTypeArguments | undefined = declared.heritageClauses?.find(
        ({ token }) => token === ts.SyntaxKind.ExtendsKeyword,
      )?.types[0]
      declared = base && this.symbolAt(base.expression)?.valueDeclaration
    }
    return undefined
  }

  /** The function that a call runs by its type: one that another function has made and returned. */
  byType(call: ts.CallExpression, called: ts.Symbol): ts.Node | undefined {
    const ts = this.#ts
    const value = called.valueDeclaration
    const isMade =
      value !== undefined &&
      (ts.isVariableDeclaration(value) || ts.isPropertyAssignment(value) || ts.isBindingElement(value))
    if (!isMade) return undefined
    const declaration = this.#checker.getResolvedSignature(call)?.declaration
    return declaration !== undefined && 'body' in declaration && declaration.body !== undefined
      ? declaration
      : undefined
  }

  /** Where an interface, a type or an abstract class promises a method, and nothing more. */
  signatureOf(called: ts.Symbol | undefined): ts.Node | undefined {
    const ts = this.#ts
    const promised = called?.declarations?.[0]
    if (promised === undefined) return undefined
    const isPromise =
      ts.isMethodSignature(promised) ||
      ts.isPropertySignature(promised) ||
      (ts.isMethodDeclaration(promised) && promised.body === undefined)
    return isPromise ? promised : undefined
  }

  /** The function of a class's or an object's `member` that keeps what `promised` says. */
  implementing(promised: ts.Node, member: ts.Node): ts.Node | undefined {
    const name = this.#ts.getNameOfDeclaration(member as ts.Declaration)
    const isTest = (node: ts.Node) => testFile.test(node.getSourceFile().fileName)
    if (name === undefined || (isTest(member) && !isTest(promised))) return undefined
    const keeps = this.#typesKeptBy(member.parent).some(
      (type) => this.#checker.getPropertyOfType(type, name.getText())?.declarations?.[0] === promised,
    )
    return keeps ? this.#memberFunction(member) : undefined
  }

  #memberFunction(member: ts.Node): ts.Node | undefined {
    const ts = this.#ts
    if (ts.isMethodDeclaration(member)) return member.body && member
    if (ts.isShorthandPropertyAssignment(member)) return this.at(member.name)
    const value =
      ts.isPropertyAssignment(member) || ts.isPropertyDeclaration(member) ? member.initializer : undefined
    return value && this.at(value)
  }

  /** What a class says that it implements or extends, and what an object is wanted as where it stands. */
  #typesKeptBy(owner: ts.Node): readonly ts.Type[] {
    const ts = this.#ts
    if (ts.isClassLike(owner)) {
      return (owner.heritageClauses ?? []).flatMap(({ types }) =>
        types.map((type) => this.#checker.getTypeAtLocation(type)),
      )
    }
    if (!ts.isObjectLiteralExpression(owner)) return []
    const wanted = this.#checker.getContextualType(owner)
    if (wanted === undefined) return []
    return wanted.isUnion() ? wanted.types : [wanted]
  }
}
