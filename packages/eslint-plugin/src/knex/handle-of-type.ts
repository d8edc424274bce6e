import type * as ts from 'typescript'
import type { Handle } from './handle.ts'

type TypeScript = typeof ts

/**
 * What a value of `type` is: told by the symbols `Knex` and `Transaction` that package knex declares, through aliases, unions,
 * intersections, type parameters and interfaces that extend them.
 */
export function handleOfType(ts: TypeScript, checker: ts.TypeChecker, type: ts.Type, depth = 0): Handle {
  if (depth > 5) return 'unknown'
  const handleOf = (part: ts.Type) => handleOfType(ts, checker, part, depth + 1)

  if ((type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0) return 'unknown'
  if (type.isUnion()) {
    const parts = type.types.filter(
      (part) => (part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) === 0,
    )
    return unite(parts.map(handleOf))
  }
  if (type.isIntersection()) {
    const parts = type.types.map(handleOf)
    return (
      (['transaction', 'either', 'knex', 'unknown'] as const).find((handle) => parts.includes(handle)) ??
      'none'
    )
  }
  if ((type.flags & ts.TypeFlags.TypeParameter) !== 0) {
    const constraint = checker.getBaseConstraintOfType(type)
    return constraint === undefined || constraint === type ? 'none' : handleOf(constraint)
  }

  const symbol = type.getSymbol()
  if (isDeclaredIn(symbol, 'knex')) {
    if (symbol?.name === 'Transaction') return 'transaction'
    if (symbol?.name === 'Knex') return 'knex'
  }
  const declared = 'target' in type ? (type as ts.TypeReference).target : type
  return unite(declared.isClassOrInterface() ? checker.getBaseTypes(declared).map(handleOf) : [])
}

function unite(parts: readonly Handle[]): Handle {
  const [first = 'none'] = parts
  if (parts.every((part) => part === first)) return first
  const isOurs = parts.includes('transaction') || parts.includes('either')
  if (isOurs) return 'either'
  return parts.includes('knex') ? 'knex' : 'unknown'
}

/** Whether a symbol is declared in an installed package. */
export function isDeclaredIn(symbol: ts.Symbol | undefined, packageName: string): boolean {
  const inside = `/node_modules/${packageName}/`
  return (
    symbol?.declarations?.some((declaration) => declaration.getSourceFile().fileName.includes(inside)) ??
    false
  )
}
