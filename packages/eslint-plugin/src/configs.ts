import type { ESLint, Linter } from 'eslint'

type Severity = 'error' | 'warn'

export type PresetName = 'recommended' | 'strict' | 'recommended-type-checked' | 'strict-type-checked'

/**
 * The presets. `recommended` warns of what AWS has not published and errs on what it refuses; `strict` errs on both. The
 * type-checked ones are the same and report a file that was parsed without types, where the others look less far in silence.
 */
export function createConfigs(plugin: ESLint.Plugin): Record<PresetName, Linter.Config> {
  const preset = (name: PresetName, unpublished: Severity, needsTypes: boolean): Linter.Config => ({
    name: `knex-flatten/${name}`,
    plugins: { 'knex-flatten': plugin },
    rules: rulesOf(unpublished, needsTypes),
  })
  return {
    recommended: preset('recommended', 'warn', false),
    strict: preset('strict', 'error', false),
    'recommended-type-checked': preset('recommended-type-checked', 'warn', true),
    'strict-type-checked': preset('strict-type-checked', 'error', true),
  }
}

function rulesOf(unpublished: Severity, needsTypes: boolean): Linter.RulesRecord {
  const options: object[] = needsTypes ? [{ typeInformation: 'required' }] : []
  return {
    'knex-flatten/no-nested-transaction': ['error', ...options],
    'knex-flatten/no-savepoint': ['error', ...options],
    'knex-flatten/no-upsert': [unpublished, ...options],
  }
}
