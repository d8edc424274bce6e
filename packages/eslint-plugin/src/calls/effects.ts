import { sideEffects, sideEffectWords, wordsOf, type SideEffect } from '../effects/side-effects.ts'
import type { Syntax } from '../syntax/syntax.ts'
import type { Kind } from './kind.ts'

/** What counts as a side effect beside the table, and what of it does not. */
export interface EffectNames {
  /** One's own functions, by name or as they are called: `sendMail`, `this.mailer.send`. */
  readonly functions: readonly string[]
  /** Functions or packages that are let through. */
  readonly allow: readonly string[]
}

/** Doing something outside of the database. */
export function effects({ functions, allow }: EffectNames): Kind<string> {
  const own = new Set(functions.map((name) => name.split('.').at(-1)!))
  return {
    key: `effects ${JSON.stringify([functions, allow])}`,
    seeds: (syntax) => [...wordsOf(possibleIn(syntax)), ...own],
    isFixedToo: true,
    mayBe: (_syntax, _call, name) => sideEffectWords.has(name) || own.has(name),
    deedsOf(syntax, call) {
      const how = effectOf(syntax, call, { functions, allow })
      return how === undefined ? [] : [{ how }]
    },
    accepts: () => true,
    isReportedAt: () => false,
  }
}

const possible = new WeakMap<object, readonly SideEffect[]>()

/** Those whose packages the program has: what is called `create` or `get` is everywhere, and its type is dear. */
function possibleIn<N>(syntax: Syntax<N>): readonly SideEffect[] {
  const known = possible.get(syntax.scope)
  if (known !== undefined) return known
  const found = sideEffects.filter(({ packages }) => syntax.mayUse(packages))
  possible.set(syntax.scope, found)
  return found
}

function effectOf<N>(syntax: Syntax<N>, call: N, { functions, allow }: EffectNames): string | undefined {
  const view = syntax.view(call)
  const name = syntax.calledName(call) ?? ''
  if (view.kind !== 'call') return undefined
  const text = syntax.textOf(view.callee).replaceAll(/[?!\s]/gu, '')
  const isNamed = (given: string) => given === name || given === text || text.endsWith(`.${given}`)
  if (allow.some(isNamed)) return undefined
  if (functions.some(isNamed)) return 'does something'
  const candidates = possibleIn(syntax).filter(({ methods }) => methods.has(name))
  if (candidates.length === 0) return undefined
  const packages = syntax.packagesOf(call)
  if (packages.some((each) => allow.includes(each))) return undefined
  return candidates.find((each) => packages.some((from) => each.packages.test(from)))?.what
}
