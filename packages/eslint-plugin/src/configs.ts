import type { TSESLint } from '@typescript-eslint/utils'

type Rules = NonNullable<TSESLint.FlatConfig.Config['rules']>
type Severity = 'error' | 'warn'

export type PresetName = 'recommended' | 'strict' | 'recommended-type-checked' | 'strict-type-checked'

/**
 * The presets. `recommended` warns of what AWS has not published and errs on what it refuses; `strict` errs on both. The
 * type-checked ones are the same and report a file that was parsed without types, where the others look less far in silence.
 */
export function createConfigs(
  plugin: TSESLint.FlatConfig.Plugin,
): Record<PresetName, TSESLint.FlatConfig.Config> {
  const preset = (
    name: PresetName,
    unpublished: Severity,
    needsTypes: boolean,
  ): TSESLint.FlatConfig.Config => ({
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

function rulesOf(unpublished: Severity, needsTypes: boolean): Rules {
  const options = needsTypes ? [{ typeInformation: 'required' }] : []
  return {
    'knex-flatten/no-nested-transaction': ['error', ...options],
    'knex-flatten/no-savepoint': ['error', ...options],
    'knex-flatten/no-upsert': [unpublished, ...options],
  }
}
