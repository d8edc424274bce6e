import type { Span } from '../statement.ts'
import { lex } from './lex.ts'
import type { Token } from './lex.ts'

const BLANKS = ' \t\n\r\f\v'

/** Finds words in a text by position; cuts it into tokens only when first asked. */
export class Words {
  readonly #text: string
  #tokens: readonly Token[] | undefined
  #comments: boolean | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** The text without the blanks and comments at either end of the stretch. */
  trim(start: number, end: number): Span {
    if (!this.#hasComments()) return this.#trimBlanks(start, end)
    const tokens = this.#list()
    let first = this.#indexAt(start)
    while (tokens[first]?.kind === 'comment') first += 1
    let last = this.#indexAt(end - 1)
    while (
      last >= first &&
      (tokens[last] === undefined || tokens[last]!.start >= end || tokens[last]!.kind === 'comment')
    )
      last -= 1
    return last < first ? { start, end: start } : { start: tokens[first]!.start, end: tokens[last]!.end }
  }

  /** The first `count` words at or after a position, as one stretch. */
  at(offset: number, count = 1): Span {
    const found = this.#code(this.#indexAt(offset), count)
    const first = found[0]
    return first ? { start: first.start, end: found.at(-1)!.end } : { start: offset, end: offset }
  }

  /** The first place in the stretch where these words stand in a row. */
  find(words: readonly string[], from: number, to: number): Span | undefined {
    return this.findAny([words], from, to)
  }

  /** The first place in the stretch where the words of one of these rows stand. */
  findAny(rows: readonly (readonly string[])[], from: number, to: number): Span | undefined {
    const tokens = this.#list()
    for (let index = this.#indexAt(from); index < tokens.length && tokens[index]!.start < to; index += 1) {
      for (const words of rows) {
        const run = this.#run(words, index)
        if (run) return run
      }
    }
    return undefined
  }

  /** The last place in the stretch where one of these words stands. */
  findLast(words: readonly string[], from: number, to: number): Span | undefined {
    const tokens = this.#list()
    for (let index = this.#indexAt(to) - 1; index >= 0 && tokens[index]!.start >= from; index -= 1) {
      const token = tokens[index]!
      if (token.kind === 'word' && words.includes(this.#word(token)))
        return { start: token.start, end: token.end }
    }
    return undefined
  }

  /** Where the next token stands after as many of these words as follow one another. */
  after(words: readonly string[], offset: number): number {
    for (let index = this.#indexAt(offset); ; index += 1) {
      const token = this.#list()[index]
      if (!token) return offset
      if (token.kind === 'comment') continue
      if (token.kind !== 'word' || !words.includes(this.#word(token))) return token.start
    }
  }

  /** Whether the token at a position is this one character. */
  isAt(character: string, offset: number): boolean {
    return this.#text[this.#code(this.#indexAt(offset), 1)[0]?.start ?? -1] === character
  }

  /** Where the next token stands after the parentheses that open at a position. */
  afterParentheses(offset: number): number {
    const tokens = this.#list()
    let depth = 0
    for (let index = this.#indexAt(offset); index < tokens.length; index += 1) {
      const { kind, start } = tokens[index]!
      if (kind !== 'symbol') continue
      if (this.#text[start] === '(') depth += 1
      else if (this.#text[start] === ')') depth -= 1
      if (depth === 0) return this.#code(index + 1, 1)[0]?.start ?? offset
    }
    return offset
  }

  /** A name as it stands there, qualified or not: `schema . name`. */
  nameAt(offset: number): Span {
    const run = this.#code(this.#indexAt(offset), 7)
    const first = run[0]
    if (!first) return { start: offset, end: offset }
    let last = 0
    while (run[last + 2] && this.#text[run[last + 1]!.start] === '.') last += 2
    return { start: first.start, end: run[last]!.end }
  }

  #hasComments(): boolean {
    return (this.#comments ??= this.#text.includes('--') || this.#text.includes('/*'))
  }

  #trimBlanks(start: number, end: number): Span {
    const text = this.#text
    let first = start
    let last = end
    while (first < last && BLANKS.includes(text[first]!)) first += 1
    while (last > first && BLANKS.includes(text[last - 1]!)) last -= 1
    return { start: first, end: last }
  }

  #run(words: readonly string[], index: number): Span | undefined {
    if (this.#list()[index]!.kind !== 'word') return undefined
    const run = this.#code(index, words.length)
    if (run.length < words.length) return undefined
    if (!run.every((token, n) => token.kind === 'word' && this.#word(token) === words[n])) return undefined
    return { start: run[0]!.start, end: run.at(-1)!.end }
  }

  /** The next tokens that are not comments. */
  #code(index: number, count: number): Token[] {
    const tokens = this.#list()
    const found: Token[] = []
    for (let at = index; at < tokens.length && found.length < count; at += 1) {
      if (tokens[at]!.kind !== 'comment') found.push(tokens[at]!)
    }
    return found
  }

  #word(token: Token): string {
    return this.#text.slice(token.start, token.end).toUpperCase()
  }

  /** The first token that ends after a position. */
  #indexAt(offset: number): number {
    const tokens = this.#list()
    let low = 0
    let high = tokens.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (tokens[middle]!.end > offset) high = middle
      else low = middle + 1
    }
    return low
  }

  #list(): readonly Token[] {
    return (this.#tokens ??= lex(this.#text))
  }
}
