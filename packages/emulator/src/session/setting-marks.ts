import type { SettingAction, Statement } from '@knex-flatten/sql-support'
import { consistencyParameter, shownValue, type ParameterError } from '../settings/forward-parameters.ts'
import type { Mark } from './plan.ts'
import { trackedNames } from '../settings/session-parameters.ts'
import { withEdits, type Edit } from './standby-text.ts'

/** What a statement sets. */
export function settingMark(statement: Statement, { name, value, local }: SettingAction): Mark {
  const key = settingKey(statement)
  const several = key === undefined || key !== name
  return {
    type: 'setting',
    text: withEdits(statement.text, shownSetting(statement), statement.start),
    key,
    local,
    tracked: several || trackedNames.has(name),
    flushing: several || name === 'synchronous_commit',
    mode: name === consistencyParameter ? (value?.toLowerCase() ?? '') : undefined,
  }
}

/** What to write where a parameter of Aurora's is set, so that its value stands in the words of SHOW. */
export function shownSetting({ kind, start, end, setting }: Statement): Edit[] {
  const { name, value, valueAt, local } = setting ?? {}
  if (name === undefined || value === undefined) return []
  const shown = shownValue(name, value)
  if (shown === value) return []
  if (kind === 'set') return [{ start, end, text: `SET ${local ? 'LOCAL' : 'SESSION'} ${name} = '${shown}'` }]
  return valueAt ? [{ start: valueAt.start, end: valueAt.end, text: `'${shown}'` }] : []
}

/** The first complaint about the parameters that the statements set. */
export function firstError(
  statements: readonly Statement[],
  check: (name: string, value: string | undefined) => ParameterError | undefined,
): ParameterError | undefined {
  for (const { setting } of statements) {
    const error = setting?.name === undefined ? undefined : check(setting.name, setting.value)
    if (error) return error
  }
  return undefined
}

function settingKey({ kind, text, setting, functions }: Statement): string | undefined {
  if (setting?.action === 'reset-all') return undefined
  // Several calls of set_config() in one statement are repeated together, so they are kept together.
  const calls = functions.filter(({ name }) => name === 'set_config').length
  return kind !== 'set' && calls > 1 ? text : (setting?.name ?? '')
}
