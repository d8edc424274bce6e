import { existsSync, readdirSync } from 'node:fs'
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

test.each(names)('%s is in the presets, as severe as its documentation says', (name) => {
  const { recommended, strict } = rules[name].meta.docs!
  const severities = Object.values(configs).map(
    (config) => (config.rules![`knex-flatten/${name}`] as [string] | undefined)?.[0] ?? 'off',
  )
  expect(severities).toEqual([recommended, strict, recommended, strict])
})

test.each(names)('the options of %s are those promised', async (name) => {
  const file = join(import.meta.dirname, 'schemas', `${name}.json`)
  const wasPromised = existsSync(file)
  const { schema, defaultOptions = [] } = rules[name].meta
  await expect(`${JSON.stringify({ schema, defaultOptions }, null, 2)}\n`).toMatchFileSnapshot(file)
  expect(wasPromised, `${file} was not there: it is now, look at it and commit it`).toBe(true)
})

test('nothing is promised of a rule that does not exist', () => {
  const promised = readdirSync(join(import.meta.dirname, 'schemas'))
  expect(promised.toSorted()).toEqual(names.map((name) => `${name}.json`).toSorted())
})

test.each(names)('%s has a test of its own and a page to go to', (name) => {
  expect(readdirSync(join(root, 'test/rules'))).toContain(`${name}.test.ts`)
  expect(rules[name].meta.docs?.url).toBe(
    `https://unpkg.com/eslint-plugin-knex-flatten/docs/rules/${name}.md`,
  )
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
        ...eslintPlugin.configs['all-type-checked'],
        files: ['src/rules/*.ts'],
        languageOptions: {
          parser: tseslint.parser,
          parserOptions: { project: '../../tsconfig.json', tsconfigRootDir: root },
        },
        rules: {
          ...eslintPlugin.configs['all-type-checked'].rules,
          // The address is made from the name: a test above looks at it.
          'eslint-plugin/require-meta-docs-url': 'off',
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
