import { createRequire } from 'node:module'
import type { ESLint, Linter } from 'eslint'
import { allRules, type RuleName } from './all-rules.ts'
import { createConfigs, type PresetName } from './configs.ts'

export type { RuleName } from './all-rules.ts'
export type { PresetName } from './configs.ts'
export type { KnexFlattenSettings, TransactionFunction, TypeInformation } from './settings/settings.ts'

const { name, version } = createRequire(import.meta.url)('../package.json') as {
  name: string
  version: string
}

/** The plugin's name and version, as ESLint's caches and reports show them. */
export const meta = { name, version, namespace: 'knex-flatten' }

/** One of the rules, as ESLint takes it. */
export type Rule = NonNullable<ESLint.Plugin['rules']>[string]

/** The plugin: {@link meta}, {@link rules} and {@link configs}. */
export interface KnexFlattenPlugin extends ESLint.Plugin {
  meta: typeof meta
  rules: Record<RuleName, Rule>
  configs: Record<PresetName, Linter.Config>
}

/** The rules by name, without the prefix. */
// typescript-eslint's type of a rule says the same as ESLint's in other words.
export const rules: Record<RuleName, Rule> = allRules as unknown as Record<RuleName, Rule>

const plugin: ESLint.Plugin = { meta, rules }

/** Ready-made configurations; each goes into an `eslint.config.js` as it is. */
export const configs: Record<PresetName, Linter.Config> = createConfigs(plugin)

/**
 * The plugin, the very object that the presets register: both may be used side by side.
 *
 * @example
 * import knexFlatten from 'eslint-plugin-knex-flatten'
 * export default [knexFlatten.configs.recommended]
 */
const knexFlatten: KnexFlattenPlugin = Object.assign(plugin, { meta, rules, configs })

export default knexFlatten
