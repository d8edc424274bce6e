import { sideEffects, sideEffectWords } from '../effects/side-effects.ts'
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
    seeds: [...sideEffectWords, ...own],
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

function effectOf<N>(syntax: Syntax<N>, call: N, { functions, allow }: EffectNames): string | undefined {
  const view = syntax.view(call)
  const name = syntax.calledName(call) ?? ''
  if (view.kind !== 'call') return undefined
  const text = syntax.textOf(view.callee).replaceAll(/[?!\s]/gu, '')
  const isNamed = (given: string) => given === name || given === text || text.endsWith(`.${given}`)
  if (allow.some(isNamed)) return undefined
  if (functions.some(isNamed)) return 'does something'
  const candidates = sideEffects.filter(({ methods }) => methods.has(name))
  if (candidates.length === 0) return undefined
  const packages = syntax.packagesOf(call)
  if (packages.some((each) => allow.includes(each))) return undefined
  return candidates.find((each) => packages.some((from) => each.packages.test(from)))?.what
}
