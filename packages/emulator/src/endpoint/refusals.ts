import type { RuleId } from '@knex-flatten/sql-support'

/** A statement that a forwarding reader does not accept. */
export interface RefusedStatement {
  readonly rule: RuleId
  readonly statement: string
}

const kept = 1000

/** What was refused since the start or the last reset; the last thousand. */
export class RefusalLog {
  #refused: (RefusedStatement & { readonly database: string })[] = []

  add(rule: RuleId, statement: string, database: string): void {
    this.#refused.push({ rule, statement, database })
    if (this.#refused.length > kept * 2) this.#refused = this.#refused.slice(-kept)
  }

  /** Of one database, or of all. */
  read(database?: string): readonly RefusedStatement[] {
    return this.#refused
      .filter((refused) => database === undefined || refused.database === database)
      .slice(-kept)
      .map(({ rule, statement }) => ({ rule, statement }))
  }

  reset(database?: string): void {
    this.#refused = this.#refused.filter((refused) => database !== undefined && refused.database !== database)
  }
}
