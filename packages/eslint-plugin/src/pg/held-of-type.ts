import type * as ts from 'typescript'
import type { PgHeld } from './held.ts'

type TypeScript = typeof ts

const byClass: ReadonlyMap<string, PgHeld> = new Map([
  ['Pool', 'pool'],
  ['BoundPool', 'pool'],
  ['Client', 'client'],
  ['ClientBase', 'client'],
  ['PoolClient', 'client'],
])

const pgFile = /\/node_modules\/(?:@types\/)?pg(?:-pool|-native)?\//u

/** What a value of `type` is of pg's, told by the classes that pg declares, and those that extend them. */
export function pgOfType(ts: TypeScript, checker: ts.TypeChecker, type: ts.Type, depth = 0): PgHeld {
  if (depth > 5 || (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0) return 'unknown'
  const all = (parts: readonly ts.Type[]): PgHeld => {
    const [first = 'none', ...others] = parts.map((part) => pgOfType(ts, checker, part, depth + 1))
    return others.every((held) => held === first) ? first : 'unknown'
  }
  if (type.isUnion())
    return all(checker.getNonNullableType(type) === type ? type.types : [checker.getNonNullableType(type)])
  if (type.isIntersection()) {
    const held = type.types.map((part) => pgOfType(ts, checker, part, depth + 1))
    return held.find((each) => each === 'client' || each === 'pool') ?? 'unknown'
  }
  const symbol = type.getSymbol()
  const isOfPg = symbol?.declarations?.some((declaration) =>
    pgFile.test(declaration.getSourceFile().fileName),
  )
  const known = isOfPg === true ? byClass.get(symbol!.name) : undefined
  if (known !== undefined) return known
  const declared = 'target' in type ? (type as ts.TypeReference).target : type
  return declared.isClassOrInterface() ? all(checker.getBaseTypes(declared)) : 'unknown'
}
