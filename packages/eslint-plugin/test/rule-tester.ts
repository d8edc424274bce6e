import * as typescriptParser from '@typescript-eslint/parser'
import { RuleTester } from '@typescript-eslint/rule-tester'
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
