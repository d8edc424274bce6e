import {
  classify,
  judge,
  resolveProfile,
  supportTable,
  type ForwardingProfile,
  type IsolationLevel,
  type RuleId,
  type Statement,
} from '@knex-flatten/sql-support'
import { nameError, valueError, type ParameterError } from '../settings/forward-parameters.ts'
import { firstError, settingMark, shownSetting } from './setting-marks.ts'
import type { Edit } from './standby-text.ts'

export type Profile = 'aws-global' | 'aws-local' | ForwardingProfile

/** What a statement does to the session, beyond its answer, in the order of the text. */
export type Mark =
  | {
      readonly type: 'begin'
      readonly text: string
      readonly readOnly: boolean
      readonly isolationLevel: IsolationLevel | undefined
    }
  | { readonly type: 'end'; readonly commit: boolean; readonly chain: boolean }
  | {
      readonly type: 'set-transaction'
      readonly text: string
      readonly readOnly: boolean
      readonly isolationLevel: IsolationLevel | undefined
    }
  | {
      readonly type: 'setting'
      readonly text: string
      readonly key: string | undefined
      readonly local: boolean
      /** It may change what the emulator itself goes by, which is then read back. */
      readonly tracked: boolean
      /** It may change `synchronous_commit`. */
      readonly flushing: boolean
      /** What it sets `apg_write_forward.consistency_mode` to; undefined if it sets something else, '' if only the server will know. */
      readonly mode: string | undefined
    }
  | { readonly type: 'prepare'; readonly name: string; readonly text: string; readonly inner: Plan }
  | { readonly type: 'execute'; readonly name: string }
  | { readonly type: 'deallocate'; readonly name: string | undefined }
  | { readonly type: 'discard-all' }
  | {
      readonly type: 'savepoint'
      readonly text: string
      readonly action: 'savepoint' | 'release' | 'rollback-to'
      readonly name: string
    }

/** A statement that the profile refuses. */
export interface Refusal {
  readonly rule: RuleId
  readonly statement: string
  /** The words of it that the rule is about, on one line. */
  readonly words: string
  /** A plain standby refuses it too, so the answer can be its own. */
  readonly byStandby: boolean
  /** Where the statement begins in its text; 0 for the first, whatever comments stand before it. */
  readonly at: number
  /** A BEGIN stands before it in the same text, which is cut at the first end of a transaction before it is cut here. */
  readonly inBlock: boolean
}

/** What a text means for a session under one profile. */
export interface Plan {
  /** It is PostgreSQL's grammar, as far as is known here. */
  readonly parses: boolean
  readonly forwards: boolean
  /** What the profile refuses of it, in the order of the text. */
  readonly refusals: readonly Refusal[]
  /** The names of the functions it calls: which functions they mean is for its database to say. */
  readonly calls: readonly string[]
  /** A name among them is none of PostgreSQL's or Aurora's own. */
  readonly callsOthers: boolean
  /** It opens a READ ONLY transaction, before anything that would be forwarded. */
  readonly opensReadOnly: boolean
  /** It only reads, and neither needs anything of the session nor changes it: it may go to the standby as it came. */
  readonly plain: boolean
  /** It may show rows, so what this session wrote must be visible first. */
  readonly reads: boolean
  readonly marks: readonly Mark[]
  /** The marks of each statement of the text. */
  readonly marksOf: readonly (readonly Mark[])[]
  /** Whether it may commit before any COMMIT or Sync: a procedure may outside a transaction block, PREPARE TRANSACTION always. */
  readonly commitsItself: 'no' | 'outside a block' | 'always'
  /** DISCARD ALL is among several statements, where PostgreSQL refuses it: the text must not be taken apart. */
  readonly discards: boolean
  /** Where the first COMMIT or ROLLBACK ends, if something comes behind it. */
  readonly cutAt: number | undefined
  /** Where the standby is to be told READ ONLY for READ WRITE, which it never accepts. */
  readonly readWrite: readonly Edit[]
  /** Where a parameter of Aurora's is set, in the words in which it is to be shown. */
  readonly shown: readonly Edit[]
  /** A parameter is set that Aurora does not have. */
  readonly wrongName: ParameterError | undefined
  /** One is set that Aurora does have, to what it does not take. */
  readonly wrongValue: ParameterError | undefined
}

/** Makes plans, and keeps one per classification for as long as sql-support caches that. */
export class Planner {
  readonly profile: Profile
  /** Whether the profile lets a portal be fetched in parts, which is a matter of the protocol and of no text. */
  readonly refusesParts: boolean
  #plans = new WeakMap<readonly Statement[], Plan>()

  constructor(profile: Profile) {
    this.profile = profile
    this.refusesParts = resolveProfile(profile).verdicts['portal-fetch'].verdict === 'refuse'
  }

  plan(sql: string): Plan {
    const statements = classify(sql)
    let plan = this.#plans.get(statements)
    if (!plan) {
      plan = this.make(sql, statements)
      this.#plans.set(statements, plan)
    }
    return plan
  }

  /** A plan for statements that are known better than by their text. */
  make(sql: string, statements: readonly Statement[]): Plan {
    let forwards = false
    let opensReadOnly = false
    let inBlock = false
    const refusals: Refusal[] = []
    for (const statement of statements) {
      const { verdict, rule, span } = judge(statement, this.profile)
      if (verdict === 'forward' && !isPreliminary(statement)) forwards = true
      const { action, readOnly } = statement.transaction ?? {}
      if (action === 'begin' && !forwards) opensReadOnly = readOnly === true
      if ((action === 'commit' || action === 'rollback') && !forwards) opensReadOnly = false
      if (action === 'begin') inBlock = true
      if (verdict !== 'refuse' || rule === undefined) continue
      refusals.push({
        rule,
        statement: statement.text,
        words: oneLine(sql.slice(span.start, span.end)),
        byStandby: supportTable[rule].standby === 'refuses',
        at: statement === statements[0] ? 0 : statement.start,
        inBlock,
      })
    }
    const marksOf = statements.map((statement) => this.#marks(sql, statement))
    const plainKinds = statements.length > 0 && statements.every(({ kind }) => plainReads.has(kind))
    return {
      parses: statements[0]?.kind !== 'unparsed',
      forwards,
      refusals,
      calls: statements.flatMap(({ functions }) => functions.map(({ name }) => name)),
      callsOthers: statements.some(({ hits }) => hits.some(({ rule }) => rule === 'user-function')),
      opensReadOnly,
      plain: plainKinds && !forwards && refusals.length === 0 && marksOf.every((marks) => marks.length === 0),
      reads: statements.some(({ kind }) => !sessionKinds.has(kind)),
      marks: marksOf.flat(),
      marksOf,
      commitsItself: commitsItself(statements),
      discards: statements.length > 1 && marksOf.flat().some(({ type }) => type === 'discard-all'),
      cutAt: statements.slice(0, -1).find((_, at) => marksOf[at]?.some(({ type }) => type === 'end'))?.end,
      readWrite: statements.flatMap(({ hits }) =>
        hits
          .filter(({ rule, start, end }) => rule === 'read-write' && readWrite.test(sql.slice(start, end)))
          .map(({ start, end }) => ({ start, end, text: 'READ ONLY' })),
      ),
      shown: statements.flatMap(shownSetting),
      wrongName: firstError(statements, nameError),
      wrongValue: firstError(statements, valueError),
    }
  }

  #marks(sql: string, statement: Statement): Mark[] {
    const { kind, text, name, transaction, setting, inner } = statement
    if (transaction) return transactionMarks(text, transaction)
    if (setting) return [settingMark(statement, setting)]
    switch (kind) {
      case 'prepare':
        return name === undefined || !inner
          ? []
          : [{ type: 'prepare', name, text, inner: this.make(sql, [inner]) }]
      case 'execute':
        return name === undefined ? [] : [{ type: 'execute', name }]
      case 'deallocate':
        return [{ type: 'deallocate', name }]
      case 'discard':
        return /\ball\b/i.test(text) ? [{ type: 'discard-all' }] : []
      default:
        return []
    }
  }
}

const oneLine = (words: string) => words.replaceAll(/\s+/g, ' ')

const readWrite = /^read\s+write$/i

const plainReads = new Set(['select', 'values'])

/** What waits for COMMIT or Sync, as far as is certain. */
const staysOpen: ReadonlySet<string> = new Set([
  ...[
    'select',
    'values',
    'insert',
    'update',
    'delete',
    'merge',
    'explain',
    'copy',
    'truncate',
    'lock',
    'cursor',
  ],
  ...['prepare', 'execute', 'deallocate', 'set', 'show', 'set-constraints', 'notification', 'transaction'],
])

function commitsItself(statements: readonly Statement[]): Plan['commitsItself'] {
  if (statements.some(({ transaction }) => transaction && twoPhase.test(transaction.action))) return 'always'
  return statements.every(({ kind }) => staysOpen.has(kind)) ? 'no' : 'outside a block'
}

const twoPhase = /prepare/

const sessionKinds = new Set(['transaction', 'set', 'deallocate', 'discard', 'prepare'])

function transactionMarks(
  text: string,
  { action, readOnly, isolationLevel, chain, name = '' }: NonNullable<Statement['transaction']>,
): Mark[] {
  switch (action) {
    case 'begin':
      return [{ type: 'begin', text, readOnly: readOnly === true, isolationLevel }]
    case 'commit':
    case 'rollback':
      return [{ type: 'end', commit: action === 'commit', chain: chain === true }]
    case 'set-transaction':
      return [{ type: 'set-transaction', text, readOnly: readOnly === true, isolationLevel }]
    case 'savepoint':
    case 'release':
    case 'rollback-to':
      return [{ type: 'savepoint', text, action, name }]
    default:
      return []
  }
}

/** PREPARE names a statement and BEGIN opens a transaction: what crosses is what comes after them. */
function isPreliminary({ kind, transaction }: Statement): boolean {
  return kind === 'prepare' || (transaction !== undefined && !twoPhase.test(transaction.action))
}
