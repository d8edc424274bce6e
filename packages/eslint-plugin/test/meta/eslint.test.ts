import type { Linter } from 'eslint'
import { defineConfig } from 'eslint/config'
import type { TSESLint } from '@typescript-eslint/utils'
import { describe, expect, test } from 'vitest'
import plugin, { configs, rules, type PresetName } from '../../src/index.ts'
import { lint, lintUnder, versions, type Version } from '../lint.ts'

const nested = `import type { Knex } from 'knex'
import { saveOrder } from './services/orders.ts'
export const f = async (trx: Knex.Transaction) => {
  await trx.transaction(async () => {})
  await saveOrder(trx, { id: 1 })
  await trx.raw('SAVEPOINT a')
  await trx('t').insert({}).onConflict('id').ignore()
}
`
const found = ['no-nested-transaction', 'no-nested-transaction', 'no-savepoint', 'no-upsert'].map(
  (rule) => `knex-flatten/${rule}`,
)
const presets = Object.keys(configs) as PresetName[]

describe.each(Object.keys(versions).map(Number) as Version[])('under ESLint %i', (version) => {
  test.each(presets)('the preset %s finds everything with types', async (preset) => {
    const messages = await lint(nested, configs[preset], { version })
    expect(messages.map(({ ruleId }) => ruleId)).toEqual(found)
    expect(messages.at(-1)?.severity).toBe(preset.startsWith('strict') ? 2 : 1)
  })

  test('a preset without types finds what this file tells', async () => {
    const messages = await lint(nested, configs.recommended, { version, types: false })
    expect(messages.map(({ ruleId }) => ruleId)).toEqual(found.slice(1))
  })

  test('a type-checked preset without types says so, once', async () => {
    const messages = await lint(nested, configs['strict-type-checked'], { version, types: false })
    expect(messages.map(({ messageId }) => messageId)).toEqual(['typesRequired'])
    expect(messages[0]?.message).toContain('projectService')
  })

  test.each(Object.keys(rules))('%s refuses an option that does not exist, by its name', async (name) => {
    const config = { rules: { [`knex-flatten/${name}`]: ['error', { alow: ['merge'] }] } }
    await expect(lint(nested, config as never, { version })).rejects.toThrow(/"?alow"?/u)
  })

  test('no-upsert refuses a form that does not exist', async () => {
    const config = { rules: { 'knex-flatten/no-upsert': ['error', { allow: ['upsert'] }] } }
    await expect(lint(nested, config as never, { version })).rejects.toThrow(
      /"upsert" should be equal to one of the allowed values/u,
    )
  })
})

test('the default parser and plain JavaScript do', async () => {
  const code = 'knex.transaction((trx) => { trx.savepoint(f); `${sql`RELEASE \\u0061; SELECT 1`}` })\n'
  const messages = await lintUnder([configs.strict], code, 'plain.js')
  expect(
    messages.map(({ ruleId, line, column, endColumn }) => ({ ruleId, line, column, endColumn })),
  ).toEqual([
    { ruleId: 'knex-flatten/no-savepoint', line: 1, column: 33, endColumn: 42 },
    { ruleId: 'knex-flatten/no-savepoint', line: 1, column: 54, endColumn: 61 },
  ])
})

test.each([undefined, null, {}, { program: null, esTreeNodeToTSNodeMap: null }])(
  'parser services that are %j are no types and no crash',
  async (services) => {
    const { parse } = await import('@typescript-eslint/parser')
    const parser = {
      parseForESLint: (code: string) => ({
        ast: parse(code, { range: true, loc: true, tokens: true, comment: true }),
        services,
      }),
    }
    const configured = [{ files: ['**/*.ts'], languageOptions: { parser } }, configs.strict]
    const messages = await lintUnder(configured, nested)
    expect(messages.map(({ ruleId, fatal }) => fatal ?? ruleId)).toEqual(found.slice(1))
  },
)

test("the plugin and its presets fit ESLint's types and typescript-eslint's, side by side", async () => {
  const own = { plugins: { 'knex-flatten': plugin } }
  const config: Linter.Config[] = [configs.recommended, own]
  const typed: TSESLint.FlatConfig.ConfigArray = [configs.strict, own]
  expect(defineConfig(config)).toHaveLength(typed.length)
  const messages = await lint(nested, { ...own, rules: configs.recommended.rules! })
  expect(messages).toHaveLength(found.length)
})
