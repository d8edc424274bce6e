import type { SyntaxNode } from '../grammar/parse.ts'
import type { RuleId, Span, TransactionAction } from '../statement.ts'
import type { Context } from './context.ts'
import type { Findings } from './findings.ts'
import { readModes } from './settings.ts'

interface Meaning {
  readonly action: TransactionAction['action']
  readonly rule?: RuleId
  /** How many words the rule's hit underlines. */
  readonly words?: number
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  TRANS_STMT_BEGIN: { action: 'begin' },
  TRANS_STMT_START: { action: 'begin' },
  TRANS_STMT_COMMIT: { action: 'commit' },
  TRANS_STMT_ROLLBACK: { action: 'rollback' },
  TRANS_STMT_SAVEPOINT: { action: 'savepoint', rule: 'savepoint', words: 1 },
  TRANS_STMT_RELEASE: { action: 'release', rule: 'savepoint', words: 1 },
  TRANS_STMT_ROLLBACK_TO: { action: 'rollback-to', rule: 'savepoint' },
  TRANS_STMT_PREPARE: { action: 'prepare-transaction', rule: 'two-phase', words: 2 },
  TRANS_STMT_COMMIT_PREPARED: { action: 'commit-prepared', rule: 'two-phase', words: 2 },
  TRANS_STMT_ROLLBACK_PREPARED: { action: 'rollback-prepared', rule: 'two-phase', words: 2 },
}

interface TransactionFields {
  readonly kind?: string
  readonly options?: unknown
  readonly savepoint_name?: string
  readonly gid?: string
  readonly chain?: boolean
}

/** BEGIN, COMMIT, ROLLBACK, savepoints and two-phase commit. */
export function readTransaction(
  fields: SyntaxNode,
  context: Context,
  stretch: Span,
  findings: Findings,
): TransactionAction {
  const { kind = '', options, savepoint_name, gid, chain } = fields as TransactionFields
  const { action, rule, words } = MEANINGS[kind]!
  if (rule) findings.hit(rule, words ? context.words.at(stretch.start, words) : rollbackTo(context, stretch))
  const name = savepoint_name ?? gid
  return Object.freeze({
    action,
    ...(name !== undefined && { name }),
    ...readModes(options, context, stretch, (mode, span) => findings.hit(mode, span)),
    ...(chain === true && { chain }),
  })
}

/** ROLLBACK [WORK | TRANSACTION] TO */
function rollbackTo(context: Context, stretch: Span): Span {
  const to = context.words.find(['TO'], stretch.start, stretch.end) ?? stretch
  return { start: stretch.start, end: to.end }
}

/** SET TRANSACTION, also with SNAPSHOT. */
export function readSetTransaction(
  fields: SyntaxNode,
  context: Context,
  stretch: Span,
  findings: Findings,
): TransactionAction {
  const modes = readModes(fields.args, context, stretch, (rule, span) => findings.hit(rule, span))
  return Object.freeze({ action: 'set-transaction', ...modes })
}
