import type { RuleId } from '@knex-flatten/sql-support'

/** A statement that a forwarding reader does not accept. */
export interface RefusedStatement {
  readonly rule: RuleId
  readonly statement: string
}

const kept = 1000

/** What was refused since the start or the last reset; the last thousand. */
export class RefusalLog {
  #refused: RefusedStatement[] = []

  add(rule: RuleId, statement: string): void {
    this.#refused.push({ rule, statement })
    if (this.#refused.length > kept * 2) this.#refused = this.#refused.slice(-kept)
  }

  read(): readonly RefusedStatement[] {
    return this.#refused.slice(-kept)
  }

  reset(): void {
    this.#refused = []
  }
}
