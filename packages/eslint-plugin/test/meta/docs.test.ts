import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { supportTable } from '@knex-flatten/sql-support'
import { describe, expect, test } from 'vitest'
import { allRules as rules } from '../../src/all-rules.ts'
import { lint } from '../lint.ts'

const root = join(import.meta.dirname, '../..')
const names = Object.keys(rules) as (keyof typeof rules)[]
const pageOf = (name: string) => readFileSync(join(root, `docs/rules/${name}.md`), 'utf8')

/** An example's first line may tell the settings it is read under: `// settings: { … }`. */
function settingsIn(code: string): object {
  const told = /^\/\/ settings: (.*)$/mu.exec(code)?.[1]
  return told === undefined ? {} : { settings: { 'knex-flatten': JSON.parse(told) as object } }
}

/** The TypeScript blocks under a heading. */
function examplesUnder(page: string, heading: string): string[] {
  const section = page.split(/^## /mu).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^```ts\n([^]*?)^```/gmu)].map(([, code]) => code!)
}

describe.each(names)('the page of %s', (name) => {
  const page = pageOf(name)
  const config = { rules: { [`knex-flatten/${name}`]: 'error' as const } }
  const wrong = examplesUnder(page, 'Wrong')
  const right = examplesUnder(page, 'Right')

  test('has examples of both kinds, and none that no test reads', () => {
    expect(wrong.length).toBeGreaterThan(1)
    expect(right.length).toBeGreaterThan(1)
    expect(wrong.length + right.length).toBe(page.split('```ts\n').length - 1)
  })

  test.each([...wrong.entries()])('calls wrong what the rule reports: example %i', async (_, code) => {
    const messages = await lint(code, { ...config, ...settingsIn(code) })
    expect(messages.map(({ ruleId }) => ruleId)).toContain(`knex-flatten/${name}`)
    expect(messages.every(({ fatal }) => fatal !== true)).toBe(true)
  })

  test.each([...right.entries()])('calls right what the rule leaves alone: example %i', async (_, code) => {
    expect(await lint(code, { ...config, ...settingsIn(code) })).toEqual([])
  })

  test('names the AWS page that the support table names', () => {
    for (const row of rules[name].meta.docs!.rows) expect(page).toContain(supportTable[row].source)
  })
})

test('there is no page without a rule', () => {
  expect(readdirSync(join(root, 'docs/rules')).toSorted()).toEqual(
    names.map((name) => `${name}.md`).toSorted(),
  )
})

test('the headers, the options and the table of the README are those of the built plugin', async () => {
  const isBuilt = existsSync(join(root, 'dist/index.js'))
  expect(isBuilt, 'the plugin is not built: npm run build in packages/eslint-plugin').toBe(true)
  const generator = join(root, 'node_modules/eslint-doc-generator/dist/bin/eslint-doc-generator.js')
  await promisify(execFile)(process.execPath, [generator, '--check'], { cwd: root })
})
