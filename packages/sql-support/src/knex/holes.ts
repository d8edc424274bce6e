import { lex } from '../text/lex.ts'
import type { Token } from '../text/lex.ts'
import type { Gap } from './gap.ts'
import { findPlaceholders } from './placeholders.ts'
import type { Placeholders } from './placeholders.ts'

const ANYWHERE = [' $n ', ' "k" ', ' ', ' ($n) ', ' "k" = $n ', ' ("k") ', ' DO NOTHING ']
// A hole may hold a query, but whoever takes it for a whole statement would be guessing.
const WITHIN_STATEMENT = [...ANYWHERE, ' SELECT $n ']
const PART_OF_A_WORD = ['x']
// `VALUES${rows}`, `${comment}SAVEPOINT`: what the hole holds may bring the blank along.
const NEXT_TO_A_WORD = ['x', ...ANYWHERE]
const PARAMETER_NUMBER = ['1']

const WORDLIKE = /[\w$\u0080-\uffff]/

/**
 * The holes between the chunks of a template, and the placeholders in the chunks. Positions are those of the chunks
 * joined, where a hole is an empty stretch.
 */
export function findHoles(chunks: readonly string[], placeholders: Placeholders): Gap[] {
  const mark = markNotIn(chunks)
  const marked = chunks.join(mark)
  const found = [...holesIn(marked, mark), ...findPlaceholders(marked, placeholders)]
  found.sort((one, other) => one.start - other.start)
  return unmark(found, marked, mark)
}

/** A letter for PostgreSQL's scanner that no chunk has, from Unicode's private area. */
function markNotIn(chunks: readonly string[]): string {
  for (let code = 0xe000; ; code += 1) {
    const mark = String.fromCharCode(code)
    if (!chunks.some((chunk) => chunk.includes(mark))) return mark
  }
}

function holesIn(marked: string, mark: string): Gap[] {
  const holes: Gap[] = []
  let opensStatement = true
  for (const token of lex(marked)) {
    for (
      let at = marked.indexOf(mark, token.start);
      at !== -1 && at < token.end;
      at = marked.indexOf(mark, at + 1)
    ) {
      holes.push({ start: at, end: at + 1, candidates: candidates(marked, mark, token, at, opensStatement) })
    }
    if (token.kind !== 'comment') opensStatement = marked[token.start] === ';'
  }
  return holes
}

function candidates(marked: string, mark: string, token: Token, at: number, opensStatement: boolean) {
  if (token.kind !== 'word') return PART_OF_A_WORD
  if (marked[at - 1] === '$') return PARAMETER_NUMBER
  const word = marked.slice(token.start, token.end).replaceAll(mark, '')
  const before = token.start > 0 && WORDLIKE.test(marked[token.start - 1]!)
  if (word !== '' || before) return marked[at - 1] === '.' ? PART_OF_A_WORD : NEXT_TO_A_WORD
  return opensStatement ? ANYWHERE : WITHIN_STATEMENT
}

/** From positions among marks to positions in the chunks joined. */
function unmark(gaps: readonly Gap[], marked: string, mark: string): Gap[] {
  let marks = 0
  return gaps.map(({ start, end, candidates }) => {
    const hole = marked[start] === mark
    const moved = { start: start - marks, end: (hole ? start : end) - marks, candidates }
    if (hole) marks += 1
    return moved
  })
}
