import {
  classify,
  GLOBAL_GUIDE,
  judge,
  LOCAL_GUIDE,
  resolveProfile,
  type RuleId,
  type Statement,
  supportTable,
} from '@knex-flatten/sql-support'
import type { FlattenError } from '../errors/flatten-error.ts'
import { type Answer, columnOf, forwardedText, isForwarding, provesReader } from './answer.ts'
import { refusalIn } from './objection.ts'
import { whoseNull } from './missing-value.ts'
import { answered, refusedByReader } from './words.ts'

/** What a reader says when it has lost the writer; which of these Aurora uses, nobody has published. */
const WRITER_LOST = /^(?:08000|08001|08003|08006|57P0[123])$/

/**
 * An error with advice in the place of one that a reader answered a statement with; `undefined` where PostgreSQL's own says enough, or comes
 * from no reader.
 */
export function explain(answer: Answer): FlattenError | undefined {
  if (!answer.isReader && !provesReader(answer.error)) return undefined
  const { code, severity } = answer.error
  if (severity !== 'ERROR') return undefined
  switch (code) {
    case '25006':
      return explainReadOnly(answer)
    case '0A000':
      return explainUnsupported(answer)
    case '23502':
      return explainNull(answer)
    case '25P02':
      return explainAborted(answer)
    default:
      return WRITER_LOST.test(code) ? explainLoss(answer) : undefined
  }
}

function explainReadOnly(answer: Answer): FlattenError | undefined {
  const refusal = refusalIn(classify(answer.sql), answer.sql, answer.profile)
  if (refusal) return refusedByReader(refusal, answer)
  if (!answer.isReader) return undefined
  return isForwarding(answer) ? readOnlySession(answer) : doesNotForward(answer)
}

function explainUnsupported(answer: Answer): FlattenError | undefined {
  const statements = classify(answer.sql)
  const refusal = refusalIn(statements, answer.sql, answer.profile)
  if (refusal) return refusedByReader(refusal, answer)
  if (!isForwarding(answer)) {
    // READ WRITE, which only a reader that forwards takes.
    return touches(statements, ({ rule }) => supportTable[rule].sqlstate === '0A000')
      ? doesNotForward(answer)
      : undefined
  }
  // The writer's own 0A000 has nothing to do with forwarding.
  if (forwardedText(answer.error) !== undefined) return undefined
  const { name, verdicts } = resolveProfile(answer.profile)
  const touched = touches(statements, ({ rule }) => verdicts[rule].known !== 'documented')
  if (!touched) return undefined
  const { rule } = touched
  const { why, instead, source, title } = supportTable[rule]
  return answered(answer, {
    reason: 'refused',
    why: `It touches "${title}" (rule ${rule}), which the profile "${name}" takes to run here. ${why}`,
    advice: `${instead} So that it is not sent again, tell the guard: a profile with verdicts: { '${rule}': { verdict: 'refuse', known: 'measured' } }.`,
    source,
  })
}

function touches(
  statements: readonly Statement[],
  which: (hit: { readonly rule: RuleId }) => boolean,
): { readonly rule: RuleId } | undefined {
  return statements.flatMap(({ hits }) => hits).find(which)
}

function doesNotForward(answer: Answer): FlattenError {
  const off = answer.mode === 'off'
  return answered(answer, {
    reason: 'does-not-forward',
    why: off
      ? "Write forwarding is switched off in this session: apg_write_forward.consistency_mode is 'off'."
      : 'This server is a reader without write forwarding: it has no apg_write_forward.consistency_mode.',
    advice: `${off ? "Set consistency to 'session'" : 'Turn write forwarding on for it'}, or send writes to the writer: route({ reader, writer, writes: 'writer' }).`,
    source: GLOBAL_GUIDE,
  })
}

function readOnlySession(answer: Answer): FlattenError {
  return answered(answer, {
    reason: 'read-only',
    why: 'The reader forwards writes, but never those of a transaction that is READ ONLY, which this one was made by SET TRANSACTION or default_transaction_read_only; or forwarding was switched off in this session since it was opened.',
    advice: 'Begin the transaction without READ ONLY, or take it back where the session was told so.',
    source: LOCAL_GUIDE,
  })
}

function explainNull(answer: Answer): FlattenError | undefined {
  const { error, sql } = answer
  const forwarded = forwardedText(error)
  if (forwarded === undefined) return undefined
  const name = columnOf(error)
  const column = name === undefined ? 'the column' : `"${name}"`
  const reason = whoseNull(name, sql, forwarded)
  const told = {
    'default-lost': {
      why: `The statement leaves ${column} to its default, and the reader has forwarded it with a value for ${column} in its place:\n    ${forwarded}`,
      advice: `Give ${column} a value in the statement (a UUID, or a key that was fetched beforehand), or send the statement to the writer.`,
    },
    'null-given': {
      why: `The statement gives ${column} a value, which is NULL, and was forwarded as it is.`,
      advice: `Give ${column} a value, or leave it out of the statement if it is to have its default.`,
    },
    'no-default': {
      why: `The statement leaves ${column} to its default and was forwarded as it is: on the writer, ${column} has none. A table that was copied or migrated without its sequence or identity is like that.`,
      advice: `On the writer: ALTER TABLE … ALTER COLUMN ${column} ADD GENERATED BY DEFAULT AS IDENTITY, or SET DEFAULT.`,
    },
    'null-unexplained': {
      why: `The writer ran\n    ${forwarded}\nand what that says of ${column} could not be compared with what was sent.`,
      advice: `Compare the two: where only the writer's lists ${column}, the reader has lost its default; where neither does, the column has none on the writer; where both do, the NULL is the application's.`,
    },
  }[reason]
  return answered(answer, { reason, ...told, source: LOCAL_GUIDE })
}

function explainAborted(answer: Answer): FlattenError {
  return answered(answer, {
    reason: 'aborted',
    why:
      answer.failedBefore ??
      'A statement before it has failed in the same transaction without this library seeing it, for instance one sent past Knex on the same connection.',
    advice: 'Roll the transaction back. Without savepoints PostgreSQL cannot undo a part of it.',
    source: 'https://www.postgresql.org/docs/16/tutorial-transactions.html',
  })
}

function explainLoss(answer: Answer): FlattenError | undefined {
  const { inTransaction, mode, sql } = answer
  if (!isForwarding(answer)) return undefined
  const crosses =
    inTransaction ||
    mode === 'global' ||
    classify(sql).some((one) => one.locks || one.writes || judge(one, answer.profile).verdict === 'forward')
  if (!crosses) return undefined
  return answered(answer, {
    reason: 'writer-lost',
    why: 'The reader has lost its session on the writer, or cannot open one: the writer was restarted, the way to it is cut, or the session was idle for too long.',
    advice: inTransaction
      ? 'Nothing of the transaction is stored: run the whole of it again, as { retry: true } does.'
      : 'If it writes, look whether it took effect before running it again.',
    source: LOCAL_GUIDE,
  })
}
