import type { TSESTree } from '@typescript-eslint/utils'

/** A stretch of a literal's text as it stands in the source, before escapes are read. */
export interface SourceText {
  /** Where it begins in the file. */
  readonly start: number
  readonly raw: string
}

/** A string literal's text between its quotes. */
export function literalSource(source: string, { range }: TSESTree.StringLiteral): SourceText {
  return { start: range[0] + 1, raw: source.slice(range[0] + 1, range[1] - 1) }
}

/** A template's texts between its holes. Parsers differ on whether an element counts the marks around it: the first tells. */
export function templateSources(source: string, { range, quasis }: TSESTree.TemplateLiteral): SourceText[] {
  const hasMarks = quasis[0]?.range[0] === range[0]
  return quasis.map((element) => {
    const [from, to] = element.range
    const start = hasMarks ? from + 1 : from
    const end = hasMarks ? to - (element.tail ? 1 : 2) : to
    return { start, raw: source.slice(start, end) }
  })
}

const escape = /\\(?:u\{[\da-f]+\}|u[\da-f]{4}|x[\da-f]{2}|[0-7]{1,3}|\r\n|[^])|\r\n/giu

const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' }

/** What the program reads, and the way back: from an offset in it to the offset in the file. */
export function readSource({ start, raw }: SourceText): {
  text: string
  placeOf: (offset: number) => number
} {
  if (!raw.includes('\\') && !raw.includes('\r')) return { text: raw, placeOf: (offset) => start + offset }

  let text = ''
  let rest = 0
  // Where each escape ends, in both; between them the two run side by side.
  const marks: { readonly text: number; readonly raw: number }[] = [{ text: 0, raw: 0 }]
  for (const { 0: found, index } of raw.matchAll(escape)) {
    text += raw.slice(rest, index)
    marks.push({ text: text.length, raw: index })
    text += unescape(found)
    rest = index + found.length
    marks.push({ text: text.length, raw: rest })
  }
  text += raw.slice(rest)
  return {
    text,
    placeOf: (offset) => {
      const mark = marks.findLast((each) => each.text <= offset)!
      return start + mark.raw + (offset - mark.text)
    },
  }
}

function unescape(found: string): string {
  if (found === '\r\n') return '\n'
  const body = found.slice(1)
  if (body === '\n' || body === '\r' || body === '\r\n' || body === '\u2028' || body === '\u2029') return ''
  if (/^u\{/u.test(body)) {
    const codePoint = Number.parseInt(body.slice(2, -1), 16)
    // Legal in a tagged template, and no character.
    return codePoint > 0x10_ff_ff ? '' : String.fromCodePoint(codePoint)
  }
  if (/^[ux][\da-f]{2,}/iu.test(body)) return String.fromCharCode(Number.parseInt(body.slice(1), 16))
  if (/^[0-7]+$/u.test(body)) return String.fromCharCode(Number.parseInt(body, 8))
  return named[body] ?? body
}
