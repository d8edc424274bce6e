import type { Span } from '../statement.ts'

type TokenKind =
  'word' | 'quoted' | 'string' | 'dollar-string' | 'number' | 'parameter' | 'comment' | 'symbol'

/** A stretch of SQL as PostgreSQL's scanner would cut it; an operator is cut into single characters. */
export interface Token extends Span {
  readonly kind: TokenKind
}

const BLANK = /[ \t\n\r\f\v]*/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /\d[\w.]*/y
const PARAMETER = /\$\d+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const PREFIXED_STRING = /(?:[eE]|[bB]|[xX]|[nN]|[uU]&)'/y
const PREFIXED_IDENTIFIER = /[uU]&"/y

/**
 * Cuts a text into tokens, comments included. Never fails: what is left open runs to the end of the text.
 * The text need not be valid SQL; placeholders of other layers come out as symbols.
 */
export function lex(text: string): Token[] {
  const tokens: Token[] = []
  let at = skipBlank(text, 0)
  while (at < text.length) {
    const token = tokenAt(text, at)
    tokens.push(token)
    at = skipBlank(text, token.end)
  }
  return tokens
}

/** Past whatever PostgreSQL counts as white space (ASCII only: a no-break space is part of a word). */
function skipBlank(text: string, at: number): number {
  BLANK.lastIndex = at
  BLANK.test(text)
  return BLANK.lastIndex
}

function tokenAt(text: string, start: number): Token {
  switch (text[start]) {
    case '-':
      if (text[start + 1] === '-') return { kind: 'comment', start, end: endOfLine(text, start) }
      break
    case '/':
      if (text[start + 1] === '*') return { kind: 'comment', start, end: endOfBlockComment(text, start) }
      break
    case "'":
      return { kind: 'string', start, end: endOfQuoted(text, start + 1, "'") }
    case '"':
      return { kind: 'quoted', start, end: endOfQuoted(text, start + 1, '"') }
    case '$':
      return dollarToken(text, start)
  }
  return (
    prefixed(text, start) ??
    match(WORD, 'word', text, start) ??
    match(NUMBER, 'number', text, start) ?? { kind: 'symbol', start, end: start + 1 }
  )
}

function match(pattern: RegExp, kind: TokenKind, text: string, start: number): Token | undefined {
  pattern.lastIndex = start
  return pattern.test(text) ? { kind, start, end: pattern.lastIndex } : undefined
}

function prefixed(text: string, start: number): Token | undefined {
  const string = match(PREFIXED_STRING, 'string', text, start)
  if (string) {
    const escapes = text[start] === 'e' || text[start] === 'E'
    const end = escapes ? endOfEscapeString(text, string.end) : endOfQuoted(text, string.end, "'")
    return { kind: 'string', start, end }
  }
  const identifier = match(PREFIXED_IDENTIFIER, 'quoted', text, start)
  return identifier && { kind: 'quoted', start, end: endOfQuoted(text, identifier.end, '"') }
}

function dollarToken(text: string, start: number): Token {
  const tag = match(DOLLAR_TAG, 'dollar-string', text, start)
  if (!tag) return match(PARAMETER, 'parameter', text, start) ?? { kind: 'symbol', start, end: start + 1 }
  const close = text.indexOf(text.slice(start, tag.end), tag.end)
  return { kind: 'dollar-string', start, end: close === -1 ? text.length : close + tag.end - start }
}

function endOfLine(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) if (text[at] === '\n' || text[at] === '\r') return at
  return text.length
}

/** Block comments nest in PostgreSQL. */
function endOfBlockComment(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const pair = text.slice(at, at + 2)
    if (pair === '/*') depth += 1
    else if (pair === '*/') depth -= 1
    else continue
    at += 1
    if (depth === 0) return at + 1
  }
  return text.length
}

function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 2)) {
    if (text[at + 1] !== quote) return at + 1
  }
  return text.length
}

function endOfEscapeString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1
      at += 1
    }
  }
  return text.length
}
