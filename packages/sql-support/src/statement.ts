/**
 * What a text is found to be: the vocabulary shared by {@link classify}, {@link judge} and everything above.
 *
 * Offsets are UTF-16 code units into the text that was handed in (what `String.prototype.slice` takes), although
 * PostgreSQL's grammar counts UTF-8 bytes.
 */

/** A half-open stretch of the text: `text.slice(start, end)`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The family of a statement, as coarse as routing and reporting need it. */
export type StatementKind =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'values'
  | 'explain'
  | 'call'
  | 'do'
  | 'copy'
  | 'ddl'
  | 'truncate'
  | 'maintenance'
  | 'lock'
  | 'cursor'
  | 'prepare'
  | 'execute'
  | 'deallocate'
  | 'discard'
  | 'set'
  | 'show'
  | 'set-constraints'
  | 'transaction'
  | 'notification'
  | 'checkpoint'
  | 'other'
  | 'unparsed'

/** A function named in a statement; `schema` only where the text qualifies it. */
export interface FunctionCall extends Span {
  readonly schema?: string
  readonly name: string
}

export type IsolationLevel = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'

/** What a statement does to the transaction it stands in. */
export interface TransactionAction {
  readonly action:
    | 'begin'
    | 'commit'
    | 'rollback'
    | 'savepoint'
    | 'release'
    | 'rollback-to'
    | 'prepare-transaction'
    | 'commit-prepared'
    | 'rollback-prepared'
    | 'set-transaction'
  /** The savepoint's name, or the global id of a prepared transaction. */
  readonly name?: string
  readonly isolationLevel?: IsolationLevel
  readonly readOnly?: boolean
  readonly deferrable?: boolean
  /** `COMMIT AND CHAIN`, `ROLLBACK AND CHAIN`: another transaction opens at once. */
  readonly chain?: boolean
}

/** What a statement does to the session's settings. */
export interface SettingAction {
  readonly action: 'set' | 'reset' | 'reset-all'
  /**
   * Lower case; `session characteristics` for that command; `undefined` for RESET ALL, and for `set_config()` with a
   * name that only the server will know.
   */
  readonly name?: string
  /** The constant it is set to; `undefined` for several, for RESET, and for one that only the server will know. */
  readonly value?: string
  /** Where that constant stands, of `set_config()`. */
  readonly valueAt?: Span
  /** `SET LOCAL`: gone with the transaction. */
  readonly local: boolean
}

/** One rule of the support table that a statement touches, and the words that touch it. */
export interface RuleHit extends Span {
  readonly rule: RuleId
}

/** One SQL statement, as PostgreSQL's own grammar reads it. */
export interface Statement extends Span {
  readonly kind: StatementKind
  /** The statement's own text, without what surrounds it. */
  readonly text: string
  /** It returns or inspects rows. */
  readonly reads: boolean
  /**
   * It changes rows, schema or a sequence. A text that does not parse counts as a write, and so does a statement around
   * a query or function that stands in a placeholder.
   */
  readonly writes: boolean
  /** It takes row locks (`FOR UPDATE` and its kin) or LOCK TABLE. */
  readonly locks: boolean
  readonly functions: readonly FunctionCall[]
  readonly transaction?: TransactionAction
  readonly setting?: SettingAction
  /** The name used by PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE or CLOSE; `undefined` for ALL. */
  readonly name?: string
  /** The statement inside PREPARE, EXPLAIN ANALYZE or DECLARE CURSOR. */
  readonly inner?: Statement
  /** Every rule touched, outermost first; empty for an ordinary read or write. */
  readonly hits: readonly RuleHit[]
}

/** Where a verdict comes from. Nothing here was run on a cluster of AWS's unless it says `measured`. */
export type Known = 'documented' | 'measured' | 'assumed' | 'unknown'

/** `local`: the reader runs it; `forward`: it goes to the writer; `refuse`: it fails on a forwarding reader. */
export type Verdict = 'local' | 'forward' | 'refuse'

/** The ids of the support table: one word for guard, linter, emulator, doctor and documentation. */
export type RuleId =
  | 'savepoint'
  | 'cursor'
  | 'portal-fetch'
  | 'lock-table'
  | 'set-constraints'
  | 'user-function'
  | 'plpgsql-exception'
  | 'ddl'
  | 'select-into'
  | 'truncate'
  | 'maintenance'
  | 'reindex'
  | 'copy'
  | 'listen-notify'
  | 'sequence'
  | 'two-phase'
  | 'serializable'
  | 'read-write'
  | 'on-conflict'
  | 'merge'
  | 'writing-cte'
  | 'row-lock'
  | 'explain-analyze'
  | 'advisory-lock'
  | 'temp-table'
  | 'large-object'
  | 'writer-function'
  | 'do-block'
  | 'unparsed'
