import { parse } from '../grammar/parse.ts'
import type { Span } from '../statement.ts'
import { Rewritten } from './rewritten.ts'

/** A stretch whose SQL is not known before the program runs, and what may stand there instead, likeliest first. */
export interface Gap extends Span {
  /** `$n` in a candidate becomes the gap's own parameter number. */
  readonly candidates: readonly string[]
}

// More than any statement seen in practice needs; each try costs one parse.
const MAX_TRIES = 250

// Each try costs one parse of the whole. Up to 2,000 characters every try is affordable; of a longer text fewer are, and
// one that would have parsed with a later filling counts as unparsed: it is forwarded, and no rule is found in it.
const MAX_CHARACTERS = 500_000

const WORD = /[\w$\u0080-\uffff]+/y

/**
 * Fills the gaps so that PostgreSQL's grammar reads the whole. A syntax error points at the first word that cannot
 * stand where it does, so the last gap before it is tried with its next candidate, then the gap before that.
 *
 * @returns the first filling that parses; `undefined` when none does.
 */
export function fillToParse(sql: string, gaps: readonly Gap[]): Rewritten | undefined {
  const choices = gaps.map(() => 0)
  let characters = 0
  for (let tries = 0; tries < MAX_TRIES && characters < MAX_CHARACTERS; tries += 1) {
    const filled = fill(sql, gaps, choices)
    characters += filled.text.length
    const parsed = parse(filled.text)
    if (parsed.ok) return filled
    if (!advance(choices, gaps, filled.replacementBefore(lastOfWord(filled.text, parsed.offset))))
      return undefined
  }
  return undefined
}

/** The word at fault may be so for the gap within it: `VALUES` and a gap make `VALUESx`. */
function lastOfWord(text: string, offset: number): number {
  WORD.lastIndex = offset
  return WORD.test(text) ? WORD.lastIndex - 1 : offset
}

/** Fills every gap with the candidate chosen for it, by default the likeliest. */
export function fill(sql: string, gaps: readonly Gap[], choices: readonly number[] = []): Rewritten {
  const replacements = gaps.map(({ start, end, candidates }, index) => ({
    start,
    end,
    by: candidates[choices[index] ?? 0]!.replaceAll('$n', `$${index + 1}`),
  }))
  return new Rewritten(sql, replacements)
}

function advance(choices: number[], gaps: readonly Gap[], from: number): boolean {
  let index = from
  while (index >= 0 && choices[index]! + 1 >= gaps[index]!.candidates.length) index -= 1
  if (index < 0) return false
  choices[index]! += 1
  choices.fill(0, index + 1)
  return true
}
