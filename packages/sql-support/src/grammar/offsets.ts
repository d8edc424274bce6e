/** Turns PostgreSQL's counting into JavaScript's: an index into UTF-8 bytes becomes one into UTF-16 code units. */
export type ToUtf16 = (byte: number) => number

const identity: ToUtf16 = (byte) => byte

/** The translation for one text; for pure ASCII it costs nothing. Asking in ascending order is cheapest. */
export function utf16Offsets(text: string): ToUtf16 {
  if (Buffer.byteLength(text) === text.length) return identity
  let byte = 0
  let unit = 0
  return (wanted) => {
    if (wanted < byte) {
      byte = 0
      unit = 0
    }
    while (byte < wanted && unit < text.length) {
      const code = text.codePointAt(unit)!
      byte += utf8Length(code)
      unit += code > 0xffff ? 2 : 1
    }
    return unit
  }
}

// A lone surrogate is sent as U+FFFD, which is three bytes as well.
function utf8Length(code: number): number {
  if (code < 0x80) return 1
  if (code < 0x800) return 2
  return code < 0x10000 ? 3 : 4
}

/** The UTF-16 index of the n-th code point. */
export function codePointOffset(text: string, codePoints: number): number {
  let unit = 0
  for (let left = codePoints; left > 0 && unit < text.length; left -= 1) {
    unit += text.codePointAt(unit)! > 0xffff ? 2 : 1
  }
  return unit
}
