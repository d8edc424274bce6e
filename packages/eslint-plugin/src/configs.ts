import type { ESLint, Linter } from 'eslint'
import { allRules } from './all-rules.ts'
import type { KnexFlattenSettings } from './settings/settings.ts'

type Level = 'recommended' | 'strict'

export type PresetName = Level | `${Level}-type-checked`

/**
 * The presets, made of what each rule says of itself. `recommended` errs on what is documented and warns of the rest; `strict`
 * errs on both. The type-checked ones are the same and report a file that was parsed without types, where the others look less
 * far in silence.
 */
export function createConfigs(plugin: ESLint.Plugin): Record<PresetName, Linter.Config> {
  const preset = (level: Level, settings?: KnexFlattenSettings): Linter.Config => ({
    name: `knex-flatten/${level}${settings === undefined ? '' : '-type-checked'}`,
    plugins: { 'knex-flatten': plugin },
    ...(settings !== undefined && { settings: { 'knex-flatten': settings } }),
    rules: rulesOf(level),
  })
  const withTypes: KnexFlattenSettings = { typeInformation: 'required' }
  return {
    recommended: preset('recommended'),
    strict: preset('strict'),
    'recommended-type-checked': preset('recommended', withTypes),
    'strict-type-checked': preset('strict', withTypes),
  }
}

function rulesOf(level: Level): Linter.RulesRecord {
  return Object.fromEntries(
    Object.entries(allRules).flatMap(([name, { meta }]): [string, Linter.RuleEntry][] => {
      const docs = meta.docs!
      const severity = docs[level]
      return severity === 'off' ? [] : [[`knex-flatten/${name}`, [severity, ...(docs.presetOptions ?? [])]]]
    }),
  )
}
