import { lex } from './lex.ts'
import type { Token } from './lex.ts'

/** The first comment that holds comments within comments to more than this depth. */
export function commentDeeperThan(limit: number, text: string): Token | undefined {
  if (!opensMoreOftenThan(limit, text)) return undefined
  return lex(text).find((token) => token.kind === 'comment' && depth(text, token) > limit)
}

const ASCII = /^[\0-\x7f]*$/

/**
 * The text with blanks for comments, where it has more than this many of them: PostgreSQL's scanner first takes comments that
 * touch one another for one long operator, over and over. Every word stays in its place.
 */
export function withFewComments(limit: number, text: string): string {
  if (!opensMoreOftenThan(limit, text)) return text
  const pieces: string[] = []
  let at = 0
  for (const { kind, start, end } of lex(text)) {
    const comment = text.slice(start, end)
    // Bytes are counted as well as characters: no blank takes the place of another letter.
    // The last may be open, which is a mistake that must be seen.
    if (kind !== 'comment' || end === text.length || !ASCII.test(comment)) continue
    pieces.push(text.slice(at, start), ' '.repeat(comment.length))
    at = end
  }
  return pieces.join('') + text.slice(at)
}

/** Nearly every text is done with here, without being cut into tokens. */
function opensMoreOftenThan(limit: number, text: string): boolean {
  let opened = 0
  for (let at = text.indexOf('/*'); at !== -1 && opened <= limit; at = text.indexOf('/*', at + 2)) opened += 1
  return opened > limit
}

function depth(text: string, { start, end }: Token): number {
  let deepest = 0
  let open = 0
  if (text[start] !== '/') return 0
  for (const [mark] of text.slice(start, end).matchAll(/\/\*|\*\//g)) {
    open += mark === '/*' ? 1 : -1
    deepest = Math.max(deepest, open)
  }
  return deepest
}
