import type { AwsProfile, Known } from '@knex-flatten/sql-support'

/** What a step is to come to; everything that is given has to hold. */
export interface Expectation {
  /** The statement fails, with one of these SQLSTATEs; without it, it succeeds. */
  readonly sqlstate?: readonly string[]
  /** What the error's context (`err.where`) says, `{schema}` filled in. */
  readonly context?: string
  /** The values of all rows, as text. */
  readonly rows?: readonly (readonly (string | null)[])[]
  /** The command that the server says it has completed: `INSERT`, `ROLLBACK` … */
  readonly tag?: string
  /** Where it ran, told by a column `in_recovery` of its first row. */
  readonly ranOn?: 'reader' | 'writer'
}

/** One statement, and what it is to come to. */
export interface Step {
  /** Which of the case's sessions sends it; each is opened when it is first named. Default `a`. */
  readonly session?: string
  /** The server that this session is on. Default `reader`. */
  readonly on?: 'reader' | 'writer'
  /** `{schema}` stands for the scratch schema. */
  readonly sql: string
  readonly values?: readonly (string | number | null)[]
  /** Default `extended` with values, else `simple`; `parts`: its rows are fetched one by one. */
  readonly protocol?: 'simple' | 'extended' | 'parts'
  readonly expect: Expectation
  /** What the emulator does instead, and why: seen, it is no difference. */
  readonly emulator?: { readonly expect: Expectation; readonly reason: string }
}

/** Something that a forwarding reader does, in a form that can be replayed on any. Plain data. */
export interface ConformanceCase {
  readonly id: string
  /** A sentence about the reader. */
  readonly title: string
  /** The rule of the support table, or the assumption, that a difference would change; else what it is about. */
  readonly tells: string
  readonly known: Known
  /** The page that says so, or that is silent about it. */
  readonly source: string
  /** Where only one kind of forwarding says so. */
  readonly profiles?: readonly AwsProfile[]
  /** Statements for the writer, beyond the scratch schema with a table `item (id int PRIMARY KEY, name text)`. */
  readonly setup?: readonly string[]
  readonly steps: readonly Step[]
}
