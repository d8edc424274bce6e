import type { SyntaxNode } from '../grammar/parse.ts'
import type { IsolationLevel, SettingAction, Span, TransactionAction } from '../statement.ts'
import type { Context } from './context.ts'
import type { Findings } from './findings.ts'
import { constantLocation, constantText, isOff, options } from './nodes.ts'
import type { FuncCall } from './nodes.ts'

/** What BEGIN, START TRANSACTION and SET TRANSACTION may say about the transaction. */
export type TransactionModes = Pick<TransactionAction, 'isolationLevel' | 'readOnly' | 'deferrable'>

type Note = (rule: 'serializable' | 'read-write', span: Span) => void

/** Reads transaction modes, and notes those that a standby cannot give. */
export function readModes(list: unknown, context: Context, stretch: Span, note: Note): TransactionModes {
  const modes: { isolationLevel?: IsolationLevel; readOnly?: boolean; deferrable?: boolean } = {}
  for (const { defname, arg, location = 0 } of options(list)) {
    const value = constantText(arg) ?? ''
    const from = context.toUtf16(Math.max(location, 0))
    if (defname === 'transaction_isolation') {
      modes.isolationLevel = value.toLowerCase() as IsolationLevel
      if (modes.isolationLevel !== 'serializable') continue
      note('serializable', context.words.find(['SERIALIZABLE'], from, stretch.end) ?? stretch)
    } else if (defname === 'transaction_read_only') {
      modes.readOnly = value !== '0'
      if (modes.readOnly) continue
      note('read-write', context.words.find(['READ', 'WRITE'], from, stretch.end) ?? stretch)
    } else if (defname === 'transaction_deferrable') {
      modes.deferrable = value !== '0'
    }
  }
  return modes
}

/** `SET`, `RESET` and `SET SESSION CHARACTERISTICS`; not `SET TRANSACTION`. */
export function readSetting(fields: SyntaxNode, context: Context, stretch: Span, findings: Findings): void {
  const { kind, name, args, is_local } = fields as {
    kind: string
    name?: string
    args?: unknown[]
    is_local?: boolean
  }
  const local = is_local === true
  if (kind === 'VAR_RESET_ALL') {
    findings.setting = frozen({ action: 'reset-all', local })
    return
  }
  const lower = (name ?? '').toLowerCase()
  const resets = kind === 'VAR_RESET' || kind === 'VAR_SET_DEFAULT'
  const value = args?.length === 1 ? constantText(args[0]) : undefined
  findings.setting = frozen({
    action: resets ? 'reset' : 'set',
    name: lower,
    ...(value !== undefined && { value }),
    local,
  })
  if (kind === 'VAR_SET_MULTI') {
    // READ WRITE is a mere default here, which a standby accepts: only the isolation level matters.
    readModes(args, context, stretch, (rule, span) => {
      if (rule === 'serializable') findings.hit(rule, span)
    })
    return
  }
  const at = constantLocation(args?.[0])
  if (at !== undefined)
    noteValue(lower, constantText(args?.[0]), context.words.at(context.toUtf16(at)), findings)
}

/** `set_config(name, value, is_local)` is SET in the clothes of a function. */
export function readSetConfig(node: FuncCall, context: Context, findings: Findings): void {
  const [nameArgument, valueArgument, localArgument] = node.args ?? []
  const name = constantText(nameArgument)?.toLowerCase()
  const local = !isOff(constantText(localArgument) ?? 'off')
  const value = constantText(valueArgument)
  const at = constantLocation(valueArgument)
  const valueAt = at === undefined ? undefined : context.words.at(context.toUtf16(at))
  findings.setting = frozen({
    action: 'set',
    ...(name !== undefined && { name }),
    ...(value !== undefined && { value, ...(valueAt && { valueAt }) }),
    local,
  })
  if (name !== undefined && valueAt) noteValue(name, value, valueAt, findings)
}

function noteValue(name: string, value: string | undefined, span: Span, findings: Findings): void {
  if (name === 'transaction_isolation' || name === 'default_transaction_isolation') {
    if (value?.toLowerCase() === 'serializable') findings.hit('serializable', span)
  } else if (name === 'transaction_read_only' && isOff(value)) {
    findings.hit('read-write', span)
  }
}

function frozen(action: SettingAction): SettingAction {
  return Object.freeze(action)
}
