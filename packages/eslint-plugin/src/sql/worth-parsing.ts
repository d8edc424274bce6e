import { functionRule } from '@knex-flatten/sql-support'

/** The words that open a statement of PostgreSQL's. */
const opening =
  /^(?:select|insert|update|delete|merge|with|values|table|explain|begin|start|commit|end|rollback|abort|savepoint|release|declare|fetch|move|close|lock|set|reset|truncate|vacuum|analyze|analyse|cluster|reindex|copy|listen|notify|prepare|execute|call|do|create|alter|drop|grant|revoke|comment|reassign|security|refresh|import)\b/iu

/** The words of statements that a row of the support table may be about; INSERT, UPDATE and DELETE alone are not. */
const telling =
  /\b(?:merge|conflict|begin|start|rollback|savepoint|release|declare|fetch|move|close|lock|set|truncate|vacuum|analyze|analyse|cluster|reindex|copy|listen|notify|prepare|prepared|call|do|create|alter|drop|grant|revoke|comment|reassign|security|refresh|import|into|with|explain|set_config|for\s+(?:no\s+key\s+)?update|for\s+(?:key\s+)?share)\b/iu

/** Words before a parenthesis that are no function's name. */
const keywords = new Set(
  `all and any array as between by case cast coalesce check conflict cross distinct else except exists extract filter from full
   greatest group having ilike in inner insert intersect into is join key lateral least left like limit not null nullif offset on or
   order over overlay partition position primary references returning right row select set similar some substring table then trim
   union unique update using values when where window with within numeric decimal char varchar character varying bit time timestamp
   timestamptz interval float vector`.split(/\s+/u),
)

/** Whether a text opens as a statement does; blanks, comments and parentheses before it do not matter. */
export function opensStatement(text: string): boolean {
  return opening.test(text.replace(/^(?:\s+|--[^\n]*\n|\/\*[^]*?\*\/|\(|;)+/u, ''))
}

/** Whether a text holds anything that a row of the support table may be about: most hold nothing, and are not parsed. */
export function isWorthParsing(text: string): boolean {
  return telling.test(text) || callsMore(text)
}

/** Whether a text calls a function that is more than one of PostgreSQL's that compute. */
export function callsMore(text: string): boolean {
  for (const [, name] of text.matchAll(/([\w$\u0080-\uffff]+)"?\s*\(/gu)) {
    const word = name!.toLowerCase()
    if (!keywords.has(word) && functionRule(undefined, word) !== undefined) return true
  }
  return /"\s*\(/u.test(text)
}
