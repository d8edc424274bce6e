import type { FunctionCall, RuleHit, RuleId, SettingAction, Span, Statement } from '../statement.ts'

const NONE: readonly never[] = Object.freeze([])

/** An array as it goes out; the empty ones, which are most, are all the same. */
export function sealed<Item>(items: readonly Item[]): readonly Item[] {
  return items.length === 0 ? NONE : Object.freeze(items)
}

/** What has been found in a statement so far. */
export class Findings {
  readonly hits: RuleHit[] = []
  readonly functions: FunctionCall[] = []
  writes = false
  locks = false
  setting: SettingAction | undefined

  hit(rule: RuleId, span: Span): void {
    this.hits.push(Object.freeze({ rule, start: span.start, end: span.end }))
  }

  /** A hit that changes something. */
  writeHit(rule: RuleId, span: Span): void {
    this.writes = true
    this.hit(rule, span)
  }

  /** Takes over what was found in a part of the statement. */
  absorb(part: Pick<Statement, 'hits' | 'functions' | 'writes' | 'locks'>): void {
    this.hits.push(...part.hits)
    this.functions.push(...part.functions)
    this.writes ||= part.writes
    this.locks ||= part.locks
  }
}
