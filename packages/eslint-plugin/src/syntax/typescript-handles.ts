import type * as ts from 'typescript'
import { handleOfType } from '../knex/handle-of-type.ts'
import type { Handle } from '../knex/handle.ts'
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
    let type = this.#checker.getTypeAtLocation(node)
    for (const property of path) {
      const symbol = this.#propertyOf(this.#checker.getNonNullableType(type), property)
      if (symbol === undefined) return 'unknown'
      type = this.#checker.getTypeOfSymbolAtLocation(symbol, node)
    }
    return handleOfType(this.#ts, this.#checker, type)
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
    const isParameter = declared !== undefined && this.#ts.isParameter(declared)
    let handle: Handle | 'depends' = 'depends'
    if (isParameter && this.#isHandedTransaction(declared)) handle = 'transaction'
    else if (declared !== undefined) {
      handle = handleOfType(this.#ts, this.#checker, this.#checker.getTypeOfSymbol(symbol))
      const isVariable = this.#ts.isVariableDeclaration(declared)
      const mayNarrow = (isParameter || isVariable) && handle === 'knex'
      if (mayNarrow || handle === 'either' || handle === 'unknown') handle = 'depends'
    }
    this.#known.set(symbol, handle)
    return handle
  }

  /** `knex.transaction(async (trx) => …)`: told without its type, for which TypeScript would have to read the whole callback. */
  #isHandedTransaction(parameter: ts.ParameterDeclaration): boolean {
    const ts = this.#ts
    const fn = parameter.parent
    const call = fn.parent
    if (parameter.type !== undefined || fn.parameters[0] !== parameter || !ts.isIdentifier(parameter.name))
      return false
    if (!ts.isCallExpression(call) || call.arguments[0] !== fn) return false
    const { expression: callee } = call
    if (!ts.isPropertyAccessExpression(callee) || callee.name.text !== 'transaction') return false
    const on = this.of(callee.expression)
    return on === 'knex' || on === 'transaction' || on === 'either'
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
