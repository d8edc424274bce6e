import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ESLint } from 'eslint'
import eslintPlugin from 'eslint-plugin-eslint-plugin'
import tseslint from 'typescript-eslint'
import { expect, test } from 'vitest'
import { allRules as rules } from '../../src/all-rules.ts'
import plugin, { configs, meta } from '../../src/index.ts'

const root = join(import.meta.dirname, '../..')
const names = Object.keys(rules) as (keyof typeof rules)[]

test('every file of a rule is named as the rule, and every rule has a file', () => {
  const files = readdirSync(join(root, 'src/rules')).map((file) => file.replace(/\.ts$/u, ''))
  expect(names.toSorted()).toEqual(files.toSorted())
  for (const name of names) expect(rules[name].name).toBe(name)
})

test.each(names)('%s is in every preset, as severe as its documentation says', (name) => {
  const severities = Object.values(configs).map((config) => config.rules?.[`knex-flatten/${name}`])
  expect(severities).not.toContain(undefined)
  const [first] = configs.recommended.rules![`knex-flatten/${name}`] as [string]
  expect(first).toBe(rules[name].meta.docs?.recommended)
})

test.each(names)('the options of %s are those promised', (name) => {
  expect({ schema: rules[name].meta.schema, defaults: rules[name].meta.defaultOptions }).toMatchSnapshot()
})

test.each(names)('%s has a test of its own and a page to go to', (name) => {
  expect(readdirSync(join(root, 'test/rules'))).toContain(`${name}.test.ts`)
  expect(rules[name].meta.docs?.url).toBe(
    `https://unpkg.com/eslint-plugin-knex-flatten/docs/rules/${name}.md`,
  )
})

test.each(names)('every message of %s is seen in its test', (name) => {
  const text = readFileSync(join(root, `test/rules/${name}.test.ts`), 'utf8')
  for (const messageId of Object.keys(rules[name].meta.messages))
    expect(text).toMatch(new RegExp(`'${messageId}'`, 'u'))
})

test('the presets register the very plugin that is exported', () => {
  for (const config of Object.values(configs)) expect(config.plugins?.['knex-flatten']).toBe(plugin)
  expect(meta).toMatchObject({ name: 'eslint-plugin-knex-flatten', namespace: 'knex-flatten' })
})

test("the rules keep the rules for rules: eslint-plugin-eslint-plugin's", async () => {
  const eslint = new ESLint({
    cwd: root,
    overrideConfigFile: true,
    overrideConfig: [
      {
        ...eslintPlugin.configs.all,
        files: ['src/rules/*.ts'],
        languageOptions: { parser: tseslint.parser },
        rules: {
          ...eslintPlugin.configs.all.rules,
          // The address is made from the name, and `typesRequired` is reported elsewhere: the tests above look at both.
          'eslint-plugin/require-meta-docs-url': 'off',
          'eslint-plugin/no-unused-message-ids': 'off',
          // typescript-eslint's type of a rule has no place for languages.
          'eslint-plugin/require-meta-languages': 'off',
          'eslint-plugin/require-meta-docs-recommended': ['error', { allowNonBoolean: true }],
        },
      },
    ],
  })
  const results = await eslint.lintFiles('src/rules/*.ts')
  expect(results.length).toBe(names.length)
  expect(
    results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`)),
  ).toEqual([])
})
