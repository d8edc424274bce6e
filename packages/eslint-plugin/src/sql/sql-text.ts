import type { TSESTree } from '@typescript-eslint/utils'

/** Where a character of SQL was written: an offset in the linted file, or a line of a file of SQL that is named there. */
export type Place = number | LineOfFile

interface LineOfFile {
  /** Where the linted file names it. */
  readonly namedBy: TSESTree.Node
  /** Without its folders. */
  readonly file: string
  readonly line: number
}

/** A literal stretch of SQL. */
export interface Chunk {
  readonly text: string
  /** Where the character at an offset in `text` was written; absent or `undefined` where that is in other code. */
  readonly placeOf?: (offset: number) => Place | undefined
}

/** SQL as it stands in the source: literal stretches with a hole between each two. */
export type SqlText = readonly Chunk[]

/** How many texts a concatenation of choices comes to before the rest are left out: each choice doubles them. */
const mostTexts = 64
/** What is longer, or has more holes, was not written by hand and counts as unknown. */
const mostCharacters = 100_000
const mostChunks = 500

const hole: SqlText = [{ text: '' }, { text: '' }]

/** What all terms, one behind the other, come to. By halves, so that a long chain is not as many layers deep. */
export function concatenation(terms: readonly (readonly SqlText[])[]): readonly SqlText[] {
  if (terms.length < 2) return terms[0] ?? []
  const middle = terms.length >> 1
  return concatenations(concatenation(terms.slice(0, middle)), concatenation(terms.slice(middle)))
}

/** Each of the left with each of the right, with nothing between; a side that cannot be told is a hole. */
function concatenations(left: readonly SqlText[], right: readonly SqlText[]): readonly SqlText[] {
  if (left.length === 0 && right.length === 0) return []
  const [lefts, rights] = [left.length > 0 ? left : [hole], right.length > 0 ? right : [hole]]
  const texts: SqlText[] = []
  for (const first of lefts) {
    for (const second of rights) {
      const text = joined(first, second)
      if (texts.length < mostTexts && isOfHandySize(text)) texts.push(text)
    }
  }
  return texts
}

function isOfHandySize(text: SqlText): boolean {
  return (
    text.length <= mostChunks && text.reduce((sum, chunk) => sum + chunk.text.length, 0) <= mostCharacters
  )
}

/** Two texts with nothing between: the last stretch of one and the first of the other become one. */
function joined(left: SqlText, right: SqlText): SqlText {
  const [last, first] = [left.at(-1), right[0]]
  if (last === undefined) return right
  if (first === undefined) return left
  return [...left.slice(0, -1), seam(last, first), ...right.slice(1)]
}

function seam(last: Chunk, first: Chunk): Chunk {
  if (last.text === '') return first
  if (first.text === '') return last
  const length = last.text.length
  const placeOf = (offset: number) =>
    offset < length ? last.placeOf?.(offset) : first.placeOf?.(offset - length)
  return { text: last.text + first.text, placeOf }
}

/** A part of a chunk, which still knows where it was written. */
export function partOf({ text, placeOf }: Chunk, start: number, end?: number): Chunk {
  return {
    text: text.slice(start, end),
    ...(placeOf && { placeOf: (offset: number) => placeOf(offset + start) }),
  }
}
