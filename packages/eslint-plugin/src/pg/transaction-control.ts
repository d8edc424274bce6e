import { classify } from '@knex-flatten/sql-support'
import type { Syntax } from '../syntax/syntax.ts'

/** What a statement does to the transaction of its session. */
export type Control = 'begin' | 'end'

const controlWord = /\b(?:begin|start|commit|end|rollback|abort)\b/iu

/** A statement that begins or ends one, whatever a hole behind it says: at most an isolation level. */
const controlWithHole = /^\s*(?:(begin|start\s+transaction)|commit|end|rollback(?!\s+to\b)|abort)\b[^;]*$/iu

/** What the SQL handed to `client.query(…)` begins and ends, in its order, where it is written out. */
export function controlsOf<N>(syntax: Syntax<N>, call: N): readonly Control[] {
  const view = syntax.view(call)
  const [first] = view.kind === 'call' ? view.arguments : []
  const text = first === undefined ? undefined : textAt(syntax, first)
  if (text === undefined || !controlWord.test(text[0])) return []
  if (text.length > 1) {
    const found = controlWithHole.exec(text[0])
    return found === null || text.some((chunk) => chunk.includes(';'))
      ? []
      : [found[1] === undefined ? 'end' : 'begin']
  }
  return classify(text[0]).flatMap(({ transaction }): Control[] => {
    switch (transaction?.action) {
      case 'begin':
        return ['begin']
      case 'commit':
      case 'rollback':
        return transaction.chain === true ? ['end', 'begin'] : ['end']
      default:
        return []
    }
  })
}

/** A text with a hole between each two of its stretches, through constants and `{ text }`. */
function textAt<N>(syntax: Syntax<N>, node: N, depth = 0): readonly [string, ...string[]] | undefined {
  if (depth > 6) return undefined
  const follow = (next: N | undefined) => (next === undefined ? undefined : textAt(syntax, next, depth + 1))
  const view = syntax.view(node)
  switch (view.kind) {
    case 'literal':
      return typeof view.value === 'string' ? [view.value] : undefined
    case 'template':
      return view.texts
    case 'wrapped':
      return follow(view.inner)
    case 'object':
      return follow(view.properties.get('text'))
    case 'name': {
      const declared = syntax.declarationOf(node)
      return declared?.kind === 'constant' && declared.path.length === 0 ? follow(declared.value) : undefined
    }
    case 'member':
      return follow(propertyAt(syntax, view.object, view.property))
    default:
      return undefined
  }
}

/** The value of a constant object's property: `statements.begin`. */
function propertyAt<N>(syntax: Syntax<N>, object: N, property: string, depth = 0): N | undefined {
  const view = syntax.view(object)
  if (view.kind === 'object') return view.properties.get(property)
  if (view.kind === 'wrapped') return propertyAt(syntax, view.inner, property, depth)
  const declared = view.kind === 'name' && depth < 4 ? syntax.declarationOf(object) : undefined
  return declared?.kind === 'constant' && declared.path.length === 0
    ? propertyAt(syntax, declared.value, property, depth + 1)
    : undefined
}
