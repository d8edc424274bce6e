import * as typescriptParser from '@typescript-eslint/parser'
import { RuleTester, type RuleTesterConfig, type RunTests } from '@typescript-eslint/rule-tester'
import type { TSESLint } from '@typescript-eslint/utils'
import { afterAll, describe, it } from 'vitest'
import { withTypes } from './lint.ts'

RuleTester.afterAll = afterAll
RuleTester.describe = describe
RuleTester.it = it

/** A rule's cases, and whether they are told apart by types. */
interface Run {
  readonly rule: TSESLint.RuleModule<string, readonly unknown[]>
  readonly types: boolean
  readonly tests: RunTests<string, readonly unknown[]>
}

/** Every run so far, for those who look at the cases of all rules. */
export const runs: Run[] = []

class RecordingTester extends RuleTester {
  readonly #types: boolean

  constructor(config: RuleTesterConfig, types: boolean) {
    super(config)
    this.#types = types
  }

  override run<Id extends string, Options extends readonly unknown[]>(
    name: string,
    rule: TSESLint.RuleModule<Id, Options>,
    tests: RunTests<Id, Options>,
  ): void {
    runs.push({ rule, types: this.#types, tests })
    super.run(name, rule, tests)
  }
}

/** Files of the fixtures' program, with types. */
export const typed: RecordingTester = new RecordingTester(
  { languageOptions: { parser: typescriptParser, parserOptions: withTypes } },
  true,
)

/** The same parser without a program. */
export const untyped: RecordingTester = new RecordingTester(
  { languageOptions: { parser: typescriptParser } },
  false,
)

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
