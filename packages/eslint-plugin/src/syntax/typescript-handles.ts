import type * as ts from 'typescript'
import { handleOfType } from '../knex/handle-of-type.ts'
import type { Handle } from '../knex/handle.ts'
import { pgOfType } from '../pg/held-of-type.ts'
import type { PgHeld } from '../pg/held.ts'
import type { TypeScriptFunctions } from './typescript-functions.ts'

type TypeScript = typeof ts

/** What values are by their types, each variable and property asked once where its type is the same everywhere. */
export class TypeScriptHandles {
  readonly #ts: TypeScript
  readonly #checker: ts.TypeChecker
  readonly #functions: TypeScriptFunctions
  readonly #known = new WeakMap<ts.Symbol, Handle | 'depends'>()

  constructor(typescript: TypeScript, checker: ts.TypeChecker, functions: TypeScriptFunctions) {
    this.#ts = typescript
    this.#checker = checker
    this.#functions = functions
  }

  of(node: ts.Node, path: readonly string[] = []): Handle {
    if (path.length === 0) {
      const symbol = this.#symbolOf(node)
      const everywhere = symbol === undefined ? 'depends' : this.#everywhere(symbol)
      if (everywhere !== 'depends') return everywhere
    }
    const type = this.#typeAt(node, path)
    return type === undefined ? 'unknown' : handleOfType(this.#ts, this.#checker, type)
  }

  pgOf(node: ts.Node, path: readonly string[]): PgHeld {
    const type = this.#typeAt(node, path)
    return type === undefined ? 'unknown' : pgOfType(this.#ts, this.#checker, type)
  }

  #typeAt(node: ts.Node, path: readonly string[]): ts.Type | undefined {
    let type = this.#checker.getTypeAtLocation(node)
    for (const property of path) {
      const symbol = this.#propertyOf(this.#checker.getNonNullableType(type), property)
      if (symbol === undefined) return undefined
      type = this.#checker.getTypeOfSymbolAtLocation(symbol, node)
    }
    return type
  }

  #symbolOf(node: ts.Node): ts.Symbol | undefined {
    if (this.#ts.isIdentifier(node)) return this.#functions.symbolAt(node)
    return this.#ts.isPropertyAccessExpression(node) ? this.#functions.symbolAt(node.name) : undefined
  }

  /** A union and what may be narrowed depend on the place. */
  #everywhere(symbol: ts.Symbol): Handle | 'depends' {
    const known = this.#known.get(symbol)
    if (known !== undefined) return known
    const declared = symbol.valueDeclaration
    const handle = (declared && this.#handed(declared)) ?? this.#declared(symbol, declared)
    this.#known.set(symbol, handle)
    return handle
  }

  #declared(symbol: ts.Symbol, declared: ts.Declaration | undefined): Handle | 'depends' {
    if (declared === undefined) return 'depends'
    const handle = handleOfType(this.#ts, this.#checker, this.#checker.getTypeOfSymbol(symbol))
    const isVariable = this.#ts.isParameter(declared) || this.#ts.isVariableDeclaration(declared)
    const mayNarrow = isVariable && handle === 'knex'
    return mayNarrow || handle === 'either' || handle === 'unknown' ? 'depends' : handle
  }

  /**
   * `inTransaction(async (trx) => …)`, `answering(({ query }) => …)`: told by what the function that is called declares. To tell the type
   * itself, TypeScript would have to resolve the call, and to read the whole callback for that.
   */
  #handed(declared: ts.Declaration): Handle | undefined {
    const ts = this.#ts
    const property = ts.isBindingElement(declared) ? propertyNamed(ts, declared) : undefined
    const parameter = ts.isBindingElement(declared) ? declared.parent.parent : declared
    if (!ts.isParameter(parameter) || parameter.type !== undefined || parameter.initializer !== undefined)
      return undefined
    if (parameter !== declared && property === undefined) return undefined
    const fn = parameter.parent
    const call = fn.parent
    if (!ts.isCallExpression(call) || !isPlainName(ts, call.expression)) return undefined
    const at = call.arguments.findIndex((argument) => argument === fn)
    const index = fn.parameters.findIndex((each) => each === parameter)
    const handles = this.#checker
      .getTypeAtLocation(call.expression)
      .getCallSignatures()
      .map((signature) => this.#handedBy(signature, at, index, property))
      .filter((handle) => handle !== undefined)
    const [first] = handles
    // A plain Knex may be narrowed to a transaction on its way.
    const isSure = first === 'transaction' || first === 'none'
    return isSure && handles.every((handle) => handle === first) ? first : undefined
  }

  /** What a function that is passed at `at` is handed at `index`; `undefined` where no function goes there. */
  #handedBy(
    signature: ts.Signature,
    at: number,
    index: number,
    property: string | undefined,
  ): Handle | undefined {
    const passed = signature.parameters[at]
    const [taken] = passed === undefined ? [] : this.#functionsIn(this.#checker.getTypeOfSymbol(passed))
    if (taken === undefined) return undefined
    const handed = taken.parameters[index]
    // A function that takes less than it is written with here is not this one.
    if (handed === undefined) return 'unknown'
    const type = this.#checker.getTypeOfSymbol(handed)
    if (this.#isOpen(type)) return 'unknown'
    if (property === undefined) return handleOfType(this.#ts, this.#checker, type)
    const symbol = this.#checker.getPropertyOfType(this.#checker.getNonNullableType(type), property)
    if (symbol === undefined) return 'unknown'
    const own = this.#checker.getTypeOfSymbol(symbol)
    return this.#isOpen(own) ? 'unknown' : handleOfType(this.#ts, this.#checker, own)
  }

  #functionsIn(type: ts.Type): readonly ts.Signature[] {
    const parts = type.isUnion() ? type.types : [type]
    return parts.flatMap((part) => part.getCallSignatures())
  }

  /** What depends on type parameters, or may be narrowed, is told where it stands. */
  #isOpen(type: ts.Type): boolean {
    const { TypeParameter, Any, Unknown, Conditional, IndexedAccess, Index } = this.#ts.TypeFlags
    return (
      type.isUnion() ||
      (type.flags & (TypeParameter | Any | Unknown | Conditional | IndexedAccess | Index)) !== 0
    )
  }

  #propertyOf(type: ts.Type, name: string): ts.Symbol | undefined {
    if (!name.startsWith('#')) return this.#checker.getPropertyOfType(type, name)
    // A private name's symbol is mangled; its declaration is not.
    return type.getProperties().find(({ valueDeclaration }) => {
      const declared = valueDeclaration && this.#ts.getNameOfDeclaration(valueDeclaration)
      return declared !== undefined && this.#ts.isPrivateIdentifier(declared) && declared.text === name
    })
  }
}

/** `db`, `this.db`, `deps.db`: to tell their type no call has to be resolved. */
function isPlainName(ts: TypeScript, node: ts.Expression): boolean {
  if (ts.isIdentifier(node) || node.kind === ts.SyntaxKind.ThisKeyword) return true
  return ts.isPropertyAccessExpression(node) && isPlainName(ts, node.expression)
}

/** The property that `({ db })` or `({ knex: db })` takes at its first level; `undefined` for all else. */
function propertyNamed(ts: TypeScript, element: ts.BindingElement): string | undefined {
  const { parent, dotDotDotToken, initializer, name, propertyName } = element
  if (!ts.isObjectBindingPattern(parent) || !ts.isParameter(parent.parent)) return undefined
  if (dotDotDotToken !== undefined || initializer !== undefined) return undefined
  const named = propertyName ?? name
  return ts.isIdentifier(named) ? named.text : undefined
}
