import { commentDeeperThan, withFewComments } from '../text/comment-depth.ts'
import { parseRaw } from './engine.ts'
import { codePointOffset, utf16Offsets } from './offsets.ts'

/** A node of PostgreSQL's parse tree: one key, the node's type, over its fields. Its `location`s count UTF-8 bytes. */
export type SyntaxNode = Readonly<Record<string, unknown>>

/** One statement of a text, as the grammar cuts it: comments around it may be included. */
export interface ParsedStatement {
  readonly node: SyntaxNode
  /** UTF-16 index behind the previous statement's semicolon. */
  readonly start: number
  /** UTF-16 index of the semicolon, or the end of the text. */
  readonly end: number
}

export type ParseResult =
  | { readonly ok: true; readonly statements: readonly ParsedStatement[] }
  | {
      readonly ok: false
      /** PostgreSQL's own words, such as `syntax error at or near "form"`. */
      readonly message: string
      /** UTF-16 index of the offending word. */
      readonly offset: number
      /** The parser ran out of stack or memory: another moment might end otherwise. */
      readonly exhausted?: true
    }

interface RawTree {
  readonly stmts?: readonly {
    readonly stmt: SyntaxNode
    readonly stmt_location?: number
    readonly stmt_len?: number
  }[]
}

// The time PostgreSQL's scanner takes grows with the square of the depth.
const MAX_COMMENT_DEPTH = 1_000

/**
 * Parses a text with PostgreSQL's own grammar. Never throws: what PostgreSQL would refuse to read, and what is nested
 * deeper than the stack, comes back as `ok: false`.
 *
 * @example
 * const parsed = parse('SELECT 1; SELECT 2')
 * if (parsed.ok) console.log(parsed.statements.length) // 2
 */
export function parse(sql: string): ParseResult {
  const zero = sql.indexOf('\0')
  if (zero !== -1) return { ok: false, message: 'a text cannot contain the character U+0000', offset: zero }
  const deep = commentDeeperThan(MAX_COMMENT_DEPTH, sql)
  if (deep) {
    return {
      ok: false,
      message: `comments are nested more than ${MAX_COMMENT_DEPTH} deep`,
      offset: deep.start,
    }
  }
  try {
    const raw = parseRaw(withFewComments(MAX_COMMENT_DEPTH, sql))
    if ('json' in raw) return { ok: true, statements: cut(sql, JSON.parse(raw.json) as RawTree) }
    return { ok: false, message: raw.message, offset: codePointOffset(sql, raw.codePoint) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ok: false, message: reason, offset: 0, exhausted: true }
  }
}

function cut(sql: string, tree: RawTree): ParsedStatement[] {
  const toUtf16 = utf16Offsets(sql)
  return (tree.stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len }) => ({
    node: stmt,
    start: toUtf16(stmt_location),
    end: stmt_len === undefined ? sql.length : toUtf16(stmt_location + stmt_len),
  }))
}
