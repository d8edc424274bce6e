import type { Handle } from '../knex/handle.ts'
import type { PgHeld } from '../pg/held.ts'
import type { View } from './view.ts'

/** Where a name was introduced, as far as following a value needs it. */
export type Declaration<N> =
  | {
      readonly kind: 'parameter'
      readonly function: N
      readonly index: number
      /** The properties a destructuring pattern goes through: `({ db })` is `['db']`. */
      readonly path: readonly string[]
    }
  /** A constant, or a variable that is given one value in all. */
  | { readonly kind: 'constant'; readonly value: N; readonly path: readonly string[] }

/** What a node gives a name to. */
export interface Named {
  readonly name: string
  /** The name that it is another name of. */
  readonly aliasOf?: string
  /** It is a class's or an object's. */
  readonly isMember?: boolean
}

/**
 * One language for two syntax trees: ESLint's (always there, this file only, what things are told by names) and TypeScript's
 * (with types, the whole program). Everything in `calls/` is written once against it.
 */
export interface Syntax<N> {
  /** The same value for the same program or file: memory that may live as long as that. */
  readonly scope: object
  readonly typed: boolean
  view(node: N): View<N>
  parent(node: N): N | undefined
  eachChild(node: N, visit: (child: N) => void): void
  /** Without building a view: asked of every node. */
  isFunction(node: N): boolean
  isClass(node: N): boolean
  /** The last word of what a call or `new` calls, without building a view: asked of every node. */
  calledName(node: N): string | undefined
  /** The name a node gives to a function or to another name, and that other name: asked of every node. */
  namedBy(node: N): Named | undefined
  /** The same value for every mention of one variable. */
  variableOf(name: N): object | undefined
  /** The node that introduces the variable. */
  declaredAt(name: N): N | undefined
  declarationOf(name: N): Declaration<N> | undefined
  /** The name of the variable that is introduced with `value`. */
  holderOf(value: N): N | undefined
  /** Every mention of a variable but the one that introduces it. */
  usesOf(name: N): N[]
  /** The function, with a body, that a call runs or a `new` constructs with. */
  functionCalledBy(call: N): N | undefined
  /** The signature in an interface, a type or an abstract class of this program that a call goes by. */
  promisedBy(call: N): N | undefined
  /** The function that runs for such a signature, if `member` of a class or an object is what stands behind it. */
  implementationAt(promised: N, member: N): N | undefined
  /** The function, with a body, that a value is or names. */
  functionAt(node: N): N | undefined
  isAsync(fn: N): boolean
  /** What the parameter at `index` holds where nothing is passed for it. */
  defaultOf(fn: N, index: number): N | undefined
  /** The constructor that runs for `new X()` or `super()`, the inherited one included. */
  constructorCalledBy(construction: N): N | undefined
  /** What stands behind a property that is a getter, and what it returns if that is all it does. */
  accessorAt(member: N): { readonly returns: N | undefined } | undefined
  /** What the value at `node`, followed through `path`, is. */
  handleOf(node: N, path?: readonly string[]): Handle
  /** What of pg the value at `node`, followed through `path`, is. */
  pgOf(node: N, path?: readonly string[]): PgHeld
  /** Whether anything of such packages can be in what {@link packagesOf} answers here. */
  mayUse(packages: RegExp): boolean
  /** The packages that declare what a call calls, or what it is called on; `global` for what is always there. */
  packagesOf(call: N): readonly string[]
  /** Whether a call's answer tells by a type predicate that its first argument is a transaction. */
  isTransactionGuard(call: N): boolean
  isObjectionModel(node: N): boolean
  isObjectionTransaction(node: N): boolean
  /** The trees in which a name may be defined: every file of the program, or this one. */
  roots(): Iterable<N & object>
  nameOf(fn: N): string
  textOf(node: N): string
  positionOf(node: N): { readonly file: string; readonly line: number }
}
