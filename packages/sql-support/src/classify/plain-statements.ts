import type { RuleId, StatementKind } from '../statement.ts'

/** A statement that its type alone tells everything about. */
export interface PlainStatement {
  readonly kind: StatementKind
  readonly rule?: RuleId
  /** How many words the rule's hit underlines. */
  readonly words?: number
  readonly writes?: boolean
  readonly reads?: boolean
  readonly locks?: boolean
}

const maintenance: PlainStatement = { kind: 'maintenance', rule: 'maintenance', writes: true }

/**
 * REFRESH MATERIALIZED VIEW counts as DDL, since a hot standby refuses it as one ("in a read-only transaction", where
 * VACUUM and its kin are refused "during recovery"); CHECKPOINT, UNLISTEN and DISCARD touch no rule, since it runs them.
 */
export const PLAIN_STATEMENTS: Readonly<Record<string, PlainStatement>> = {
  TruncateStmt: { kind: 'truncate', rule: 'truncate', writes: true },
  VacuumStmt: maintenance,
  ClusterStmt: maintenance,
  ReindexStmt: { kind: 'maintenance', rule: 'reindex', writes: true },
  CheckPointStmt: { kind: 'checkpoint' },
  LockStmt: { kind: 'lock', rule: 'lock-table', locks: true },
  ConstraintsSetStmt: { kind: 'set-constraints', rule: 'set-constraints', words: 2 },
  ListenStmt: { kind: 'notification', rule: 'listen-notify' },
  NotifyStmt: { kind: 'notification', rule: 'listen-notify', writes: true },
  UnlistenStmt: { kind: 'notification' },
  FetchStmt: { kind: 'cursor', rule: 'cursor', reads: true },
  ClosePortalStmt: { kind: 'cursor', rule: 'cursor' },
  DeallocateStmt: { kind: 'deallocate' },
  DiscardStmt: { kind: 'discard' },
  VariableShowStmt: { kind: 'show', reads: true },
  LoadStmt: { kind: 'other' },
}

/** Every other statement the grammar knows defines, alters, grants or drops something. */
export const DDL: PlainStatement = { kind: 'ddl', rule: 'ddl', writes: true }
