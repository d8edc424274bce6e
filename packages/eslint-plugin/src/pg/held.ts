import type { Syntax } from '../syntax/syntax.ts'

/** What of pg an expression holds: a client, on which a transaction may be open, or a pool, which takes another for each query. */
export type PgHeld = 'client' | 'pool' | 'none' | 'unknown'

/** The same without types: by what a constant is set to, else by what it is called. */
export function pgByName<N>(syntax: Syntax<N>, node: N, path: readonly string[] = [], depth = 0): PgHeld {
  const last = path.at(-1)
  if (last !== undefined) return byWord(last)
  if (depth > 8) return 'unknown'
  const view = syntax.view(node)
  switch (view.kind) {
    case 'wrapped':
    case 'await':
      return pgByName(syntax, view.inner, path, depth + 1)
    case 'member':
      return byWord(view.property)
    case 'call':
      return syntax.calledName(node) === 'connect' ? 'client' : 'unknown'
    case 'new': {
      const name = syntax.calledName(node)
      return name === 'Pool' ? 'pool' : name === 'Client' ? 'client' : 'unknown'
    }
    case 'name': {
      const declared = syntax.declarationOf(node)
      const isPlain = declared?.kind === 'constant' && declared.path.length === 0
      const held = isPlain ? pgByName(syntax, declared.value, [], depth + 1) : 'unknown'
      return held === 'unknown' ? byWord(view.name) : held
    }
    default:
      return 'unknown'
  }
}

function byWord(word: string): PgHeld {
  if (/^[#_]*pool$|Pool$/u.test(word)) return 'pool'
  return /^[#_]*(?:client|conn|connection)$|Client$/u.test(word) ? 'client' : 'unknown'
}
