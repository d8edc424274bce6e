import type { Span } from '../statement.ts'

/** A stretch of the original that gave way to other text. */
export interface Replacement extends Span {
  readonly by: string
}

interface Piece {
  /** Where the new text stands in the rewritten text. */
  readonly start: number
  readonly end: number
  readonly original: Span
}

/** A text with some stretches replaced, which still knows where everything came from. */
export class Rewritten {
  readonly text: string
  readonly #pieces: readonly Piece[]

  /** Replacements stand in ascending order and do not overlap; an empty stretch is a place to insert at. */
  constructor(original: string, replacements: readonly Replacement[]) {
    const pieces: Piece[] = []
    let text = ''
    let from = 0
    for (const { start, end, by } of replacements) {
      text += original.slice(from, start)
      pieces.push({ start: text.length, end: text.length + by.length, original: { start, end } })
      text += by
      from = end
    }
    this.text = text + original.slice(from)
    this.#pieces = pieces
  }

  /** The place in the original that an offset into the rewritten text came from. */
  toOriginal(offset: number): number {
    const piece = this.#pieceBefore(offset)
    if (!piece) return offset
    return offset < piece.end ? piece.original.start : piece.original.end + offset - piece.end
  }

  /** The stretch of the original that a stretch came from, replaced parts taken whole. */
  toOriginalSpan({ start, end }: Span): Span {
    const piece = this.#pieceBefore(end)
    const inside = piece && piece.start < end && end < piece.end
    return { start: this.toOriginal(start), end: inside ? piece.original.end : this.toOriginal(end) }
  }

  /** Whether a stretch lies wholly in text that the original does not have. */
  isMadeUp({ start, end }: Span): boolean {
    const piece = this.#pieceBefore(start)
    return piece !== undefined && end <= piece.end
  }

  /** The texts that stand in a stretch in place of parts of the original. */
  madeUpIn({ start, end }: Span): readonly string[] {
    const texts: string[] = []
    for (let index = this.replacementBefore(start - 1) + 1; index < this.#pieces.length; index += 1) {
      const piece = this.#pieces[index]!
      if (piece.start >= end) break
      texts.push(this.text.slice(piece.start, piece.end))
    }
    return texts
  }

  /** The number of the last replacement that begins at or before an offset; -1 for none. */
  replacementBefore(offset: number): number {
    let low = 0
    let high = this.#pieces.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#pieces[middle]!.start <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #pieceBefore(offset: number): Piece | undefined {
    return this.#pieces[this.replacementBefore(offset)]
  }
}
