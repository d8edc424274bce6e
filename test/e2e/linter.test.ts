import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packAll, UserProject, versionOf } from './packed.ts'

/** Each version of ESLint and of TypeScript that is supported, at least once; the newest of both are in `packages.test.ts`. */
const combinations = [
  { eslint: '9.39.1', typescript: '5.6.3' },
  { eslint: '9.39.1', typescript: '6.0.3' },
  { eslint: '10.15.0', typescript: '5.9.3' },
] as const

const code = {
  'orders.ts': `import type { Knex } from 'knex'
export async function saveOrder(db: Knex): Promise<void> {
  await db.transaction(async (trx) => trx('orders').insert({ id: 1 }))
}
`,
  'checkout.ts': `import type { Knex } from 'knex'
import { saveOrder } from './orders.js'
export const checkout = (knex: Knex): Promise<void> => knex.transaction(async (work) => saveOrder(work))
export const release = (trx: Knex.Transaction): Knex.Raw => trx.raw('RELEASE SAVEPOINT a')
`,
  'tsconfig.json': JSON.stringify({
    compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', skipLibCheck: true },
    include: ['*.ts'],
  }),
}

const typed = `files: ['**/*.ts'], languageOptions: { parser, parserOptions: { projectService: true } }`

/** The same configuration as each kind of file that ESLint reads. */
const configs = {
  'eslint.config.mjs': `import parser from '@typescript-eslint/parser'
import plugin from 'eslint-plugin-knex-flatten'
export default [{ ${typed} }, { files: ['**/*.ts'], ...plugin.configs['recommended-type-checked'] }]
`,
  'eslint.config.cjs': `const parser = require('@typescript-eslint/parser')
const { default: plugin } = require('eslint-plugin-knex-flatten')
module.exports = [{ ${typed} }, { files: ['**/*.ts'], ...plugin.configs['recommended-type-checked'] }]
`,
  'eslint.config.ts': `import parser from '@typescript-eslint/parser'
import { defineConfig } from 'eslint/config'
import plugin from 'eslint-plugin-knex-flatten'
export default defineConfig({ ${typed} }, { files: ['**/*.ts'], extends: [plugin.configs['recommended-type-checked']] })
`,
  'untyped.config.mjs': `import parser from '@typescript-eslint/parser'
import plugin from 'eslint-plugin-knex-flatten'
export default [{ files: ['**/*.ts'], languageOptions: { parser } }, plugin.configs.strict]
`,
}

/** What a command printed as JSON, among whatever else it said. */
function jsonIn(output: string, first: string, last: string): unknown {
  const [start, end] = [output.indexOf(first), output.lastIndexOf(last)]
  if (start < 0 || end < start) expect.fail(output)
  return JSON.parse(output.slice(start, end + 1))
}

let folder: string
let tarballs: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knex-flatten-packed-'))
  tarballs = await packAll(folder, ['sql-support', 'eslint-plugin'])
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe.each(combinations)(
  'the packed linter under ESLint $eslint and TypeScript $typescript',
  (versions) => {
    let project: UserProject

    beforeAll(async () => {
      project = await UserProject.create([
        ...tarballs,
        `eslint@${versions.eslint}`,
        `typescript@${versions.typescript}`,
        'jiti@^2.2.0',
        versionOf('@typescript-eslint/parser'),
        versionOf('knex'),
      ])
      for (const [name, text] of Object.entries({ ...code, ...configs })) await project.write(name, text)
    })

    afterAll(async () => {
      await project.remove()
    })

    async function lint(config: string): Promise<string[]> {
      const { output } = await project.run('npx', 'eslint', '--config', config, '--format', 'json', '*.ts')
      const start = output.indexOf('[{')
      if (start < 0) expect.fail(output)
      const results = JSON.parse(output.slice(start, output.lastIndexOf(']') + 1)) as {
        messages: { ruleId: string | null; line: number; message: string }[]
      }[]
      return results.flatMap(({ messages }) =>
        messages.map(({ ruleId, line, message }) => `${line} ${ruleId ?? message}`),
      )
    }

    // How a configuration is loaded is ESLint's business, whatever the TypeScript.
    const kinds = versions.typescript === '6.0.3' ? ['mjs'] : ['mjs', 'cjs', 'ts']

    it.each(kinds.map((kind) => `eslint.config.${kind}`))(
      'loads from %s and follows a call into another file',
      async (config) => {
        expect(await lint(config)).toEqual([
          '3 knex-flatten/no-nested-transaction',
          '4 knex-flatten/no-savepoint',
        ])
      },
    )

    it('finds without types what one file tells', async () => {
      expect(await lint('untyped.config.mjs')).toEqual(['4 knex-flatten/no-savepoint'])
    })

    it('shows its rules, options and settings where ESLint prints a configuration', async () => {
      const { code: status, output } = await project.run('npx', 'eslint', '--print-config', 'checkout.ts')
      expect(status, output).toBe(0)
      const printed = jsonIn(output, '{', '}') as { rules: Record<string, unknown>; settings: unknown }
      expect(printed.rules['knex-flatten/no-savepoint']).toEqual([2])
      expect(printed.settings).toEqual({ 'knex-flatten': { typeInformation: 'required' } })
    })
  },
)

describe('the packed linter', () => {
  let project: UserProject

  beforeAll(async () => {
    project = await UserProject.create([
      ...tarballs,
      ...['eslint', 'typescript', '@typescript-eslint/parser', 'knex'].map((name) => versionOf(name)),
      // What `eslint --inspect-config` starts, and another linter that runs rules of ESLint, without types.
      ...['@eslint/config-inspector@3.5.0', 'oxlint@1.94.0'],
    ])
    for (const [name, text] of Object.entries({ ...code, ...configs })) await project.write(name, text)
  })

  afterAll(async () => {
    await project.remove()
  })

  it('is shown by the config inspector, with a page for each rule', async () => {
    const build = ['build', '--config', 'eslint.config.mjs', '--outDir', 'shown']
    const { code: status, output } = await project.run('npx', 'config-inspector', ...build)
    expect(status, output).toBe(0)
    const files = await readdir(join(project.folder, 'shown'), { recursive: true })
    const texts = files
      .filter((file) => file.endsWith('.json'))
      .map((file) => readFile(join(project.folder, 'shown', file), 'utf8'))
    expect((await Promise.all(texts)).join()).toContain('/docs/rules/no-nested-transaction.md')
  })

  it('finds in oxlint what one file tells', async () => {
    const rules = { 'knex-flatten/no-nested-transaction': 'error', 'knex-flatten/no-savepoint': 'error' }
    await project.write(
      '.oxlintrc.json',
      JSON.stringify({ jsPlugins: ['eslint-plugin-knex-flatten'], rules }),
    )
    const { output } = await project.run('npx', 'oxlint', '--format', 'unix', 'checkout.ts')
    const found = [...output.matchAll(/^\S+?:(\d+):\d+: .*\[Error\/knex-flatten\((.*)\)\]$/gmu)]
    expect(found.map(([, line, rule]) => `${line} ${rule}`)).toEqual(['4 no-savepoint'])
  })
})
