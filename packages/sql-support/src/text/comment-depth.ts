import { lex } from './lex.ts'
import type { Token } from './lex.ts'

/** The first comment that holds comments within comments to more than this depth. */
export function commentDeeperThan(limit: number, text: string): Token | undefined {
  if (!opensMoreOftenThan(limit, text)) return undefined
  return lex(text).find((token) => token.kind === 'comment' && depth(text, token) > limit)
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
