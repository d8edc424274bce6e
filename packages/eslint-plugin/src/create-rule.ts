import { ESLintUtils } from '@typescript-eslint/utils'

/** What the documentation says about a rule, beside its description. */
export interface RuleDocs {
  /** The presets that switch the rule on, and how. */
  readonly recommended: 'error' | 'warn'
}

const pages = 'https://unpkg.com/eslint-plugin-knex-flatten/docs/rules'

/** Makes a rule whose documentation is the page of its name. */
export const createRule: ReturnType<typeof ESLintUtils.RuleCreator<RuleDocs>> =
  ESLintUtils.RuleCreator<RuleDocs>((name) => `${pages}/${name}.md`)
