import * as typescriptParser from '@typescript-eslint/parser'
import { RuleTester } from '@typescript-eslint/rule-tester'
import type { TSESLint } from '@typescript-eslint/utils'
import { afterAll, describe, it } from 'vitest'
import { fixtures } from './lint.ts'

RuleTester.afterAll = afterAll
RuleTester.describe = describe
RuleTester.it = it

/** Files of the fixtures' program, with types. */
export const typed = new RuleTester({
  languageOptions: {
    parser: typescriptParser,
    parserOptions: { project: './tsconfig.json', tsconfigRootDir: fixtures },
  },
})

/** The same parser without a program. */
export const untyped = new RuleTester({ languageOptions: { parser: typescriptParser } })

/** A rule's reports alone: what they suggest has its tests in `test/suggestions`. */
export function reportsOnly<Rule extends TSESLint.RuleModule<string>>(rule: Rule): Rule {
  return {
    ...rule,
    create(context: Parameters<Rule['create']>[0]) {
      const report = (report: TSESLint.ReportDescriptor<string>) => context.report({ ...report, suggest: [] })
      return rule.create(Object.create(context, { report: { value: report } }) as typeof context)
    },
  }
}
