import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as typescriptParser from '@typescript-eslint/parser'
import { RuleTester } from '@typescript-eslint/rule-tester'
import { Linter } from 'eslint'
import { expect, test } from 'vitest'
import { allRules as rules } from '../../src/all-rules.ts'
import plugin from '../../src/index.ts'
import { fixtures } from '../lint.ts'
import { optionsOf, programOf, typeErrorsOf } from '../program-of.ts'
import { runs } from '../rule-tester.ts'

// The cases are wanted, not their tests.
RuleTester.describe = () => {}
for (const folder of ['rules', 'suggestions']) {
  const path = join(import.meta.dirname, '..', folder)
  for (const file of readdirSync(path)) if (file.endsWith('.test.ts')) await import(join(path, file))
}

interface Suggested {
  readonly rule: string
  readonly name: string
  readonly types: boolean
  readonly config: Linter.Config
  readonly before: string
  readonly after: string
  readonly messageId: string
}

const cases = runs.flatMap(({ rule, types, tests }) =>
  tests.invalid.map((each) => ({ rule: (rule as (typeof rules)[keyof typeof rules]).name, types, ...each })),
)

/** Every change that the tests of any rule say is suggested: ESLint's tester has them name all. */
const suggested = cases.flatMap(({ rule, types, code, name = code, errors, ...given }): Suggested[] => {
  const { options = [], settings = {}, languageOptions = {} } = given
  const config: Linter.Config = {
    rules: { [`knex-flatten/${rule}`]: ['error', ...options] },
    settings,
    languageOptions: { ...languageOptions },
  }
  const all = errors.flatMap(({ suggestions }) => suggestions ?? [])
  return all.map(({ messageId, output }) => ({
    rule,
    name,
    types,
    config,
    before: code,
    after: output,
    messageId,
  }))
})

const pathOf = (which: 'before' | 'after', index: number) => join(fixtures, `${which}-${index}.ts`)
const texts = new Map(
  suggested.flatMap(({ before, after }, index) => [
    [pathOf('before', index), before],
    [pathOf('after', index), after],
  ]),
)
const program = programOf(texts, optionsOf(fixtures))
const linter = new Linter({ cwd: fixtures })

/** @throws where the file does not parse */
function reportsOn(path: string, { types, config }: Suggested): number {
  const parserOptions = types ? { programs: [program] } : {}
  const messages = linter.verify(
    texts.get(path)!,
    [
      { files: ['**/*.ts'], plugins: { 'knex-flatten': plugin } },
      { files: ['**/*.ts'], ...config },
      { files: ['**/*.ts'], languageOptions: { parser: typescriptParser, parserOptions } },
    ],
    path,
  )
  const fatal = messages.find((message) => message.fatal)
  if (fatal !== undefined) throw new Error(`${fatal.message} in\n${texts.get(path)!}`)
  return messages.length
}

test.each(suggested.map((each, index) => ({ ...each, index })))(
  '$messageId of $rule leaves what parses, type-checks and is reported no more: $name',
  ({ index, ...each }) => {
    const [before, after] = [pathOf('before', index), pathOf('after', index)]
    expect(reportsOn(after, each)).toBeLessThan(reportsOn(before, each))
    if (!each.types) return
    const known = typeErrorsOf(program, before)
    expect(typeErrorsOf(program, after).filter((error) => !known.includes(error))).toEqual([])
  },
)

test.each(Object.entries(rules))('each message of %s is seen, reported or suggested', (name, { meta }) => {
  const own = cases.filter(({ rule }) => rule === name)
  const reported = own.flatMap(({ errors }) => errors.map(({ messageId }) => messageId))
  const offered = suggested.filter(({ rule }) => rule === name).map(({ messageId }) => messageId)
  const seen = new Set<string>([...reported, ...offered])
  expect(Object.keys(meta.messages).filter((id) => id !== 'typesRequired' && !seen.has(id))).toEqual([])
  expect(offered.length > 0).toBe(meta.hasSuggestions === true)
})
