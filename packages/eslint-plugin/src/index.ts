import { createRequire } from 'node:module'
import type { TSESLint } from '@typescript-eslint/utils'
import { createConfigs, type PresetName } from './configs.ts'
import noNestedTransaction from './rules/no-nested-transaction.ts'
import noSavepoint from './rules/no-savepoint.ts'
import noUpsert from './rules/no-upsert.ts'

export type { PresetName } from './configs.ts'

const { name, version } = createRequire(import.meta.url)('../package.json') as {
  name: string
  version: string
}

/** The rules by name, without the prefix. */
export const rules = {
  'no-nested-transaction': noNestedTransaction,
  'no-savepoint': noSavepoint,
  'no-upsert': noUpsert,
}

/** The plugin's name and version, as ESLint's caches and reports show them. */
export const meta = { name, version, namespace: 'knex-flatten' }

const plugin: TSESLint.FlatConfig.Plugin = { meta, rules }

/** Ready-made configurations; each goes into an `eslint.config.js` as it is. */
export const configs: Record<PresetName, TSESLint.FlatConfig.Config> = createConfigs(plugin)

/**
 * The plugin, the very object that the presets register: both may be used side by side.
 *
 * @example
 * import knexFlatten from 'eslint-plugin-knex-flatten'
 * export default [knexFlatten.configs.recommended]
 */
export default Object.assign(plugin, { meta, rules, configs })
