import type { Handle } from '../knex/handle.ts'
import type { Syntax } from '../syntax/syntax.ts'

/**
 * A kind of thing that calls do and that whoever calls answers for: opening a transaction, sending a query, sending mail. To follow
 * one through calls, say by which words it is known ({@link seeds}) and what one call does by itself ({@link deedsOf});
 * `createFollow` does the rest, and gives the call's targets with the chain of calls that leads there.
 */
export interface Kind<How> {
  /** Tells kinds, with all that they are set to, apart in memory. */
  readonly key: string
  /**
   * The words of calls that do it. Functions from whose names no such word can be reached are never looked into. A word behind
   * `().` counts only where it is called on a call's answer: `().where` in `db('t').where(…)`; one before `({})` only where an argument
   * may be options.
   */
  seeds<N>(syntax: Syntax<N>): Iterable<string>
  /** Whether it is also done on what nobody passes: a module's own Knex, or nothing at all. */
  readonly isFixedToo: boolean
  /** By shape and name alone, for it is asked of every call: whether `call` may do it by itself. */
  mayBe<N>(syntax: Syntax<N>, call: N, name: string): boolean
  deedsOf<N>(syntax: Syntax<N>, call: N): readonly Deed<N, How>[]
  /** Whether it matters that it is done on such a thing. */
  accepts(handle: Handle): boolean
  /** Whether it is reported where it stands, and not at every caller again. */
  isReportedAt<N>(syntax: Syntax<N>, call: N, target: Target<N, How>): boolean
}

/** What one call does by itself. */
export interface Deed<N, How> {
  readonly how: How
  /** What it is done on; left out where nobody passes that: a model's own Knex, a mail. */
  readonly on?: N
  /** Where this holds something, it is not done. */
  readonly unless?: N
  /** The call only makes ready: it is done where the call's value is awaited. */
  readonly isLazy?: boolean
}

/** A place on the way from a call to what is done. */
export interface Step<How> {
  readonly name: string
  readonly file: string
  readonly line: number
  /** How many others may run in its place, and do the same. */
  readonly others?: number
  /** At the last step: what is done there, and the text of what it is done on. */
  readonly how?: How
  readonly on?: string
}

/** A value as it stands somewhere: an expression, and the properties to read from it. */
export interface Value<N> {
  readonly node: N
  readonly path: readonly string[]
}

/** What a call does, by itself or through any number of calls. */
export interface Target<N, How> {
  readonly how: How
  /** What it is done on; it may stand in the function that is called. */
  readonly on: Value<N> | undefined
  /** Where one of these holds something, it is not done. */
  readonly unless: readonly Value<N>[]
  /** The call that does it. */
  readonly at: N
  /** Empty where the call does it itself. */
  readonly chain: readonly Step<How>[]
  readonly isLazy: boolean
  /** What it is done on is what the opening call hands to the function `on`. */
  readonly isCallback?: boolean
  /** The function that does it is handed to the call by its name: this argument. */
  readonly through?: N
}
