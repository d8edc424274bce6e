import { expect, test } from 'vitest'
import { help } from '../../src/codemod/arguments.ts'
import { project } from './project.ts'

const nested = `export const save = (knex, row) =>
  knex.transaction(async (trx) => {
    await trx.transaction(async (a) => {
      await a('t').insert(row)
      await a.transaction(async (b) => {
        // deep
        await b('u').insert(row)
      })
    })
    await trx.batchInsert('t', [row])
  })
`
const flat = `export const save = (knex, row) =>
  knex.transaction(async (trx) => {
    await trx('t').insert(row)
    // deep
    await trx('u').insert(row)
    await trx.batchInsert('t', [row]).transacting(trx)
  })
`
const caught = `export const save = (knex, row) =>
  knex.transaction(async (trx) => {
    try {
      await trx.transaction(async (inner) => inner('t').insert(row))
    } catch {
      await trx('u').insert(row)
    }
    await trx.savepoint(async (inner) => audit(inner))
  })
`

test('shows the changes as a diff, writes nothing, and says what it leaves and why', async () => {
  const { codemod, read } = project({ 'src/nested.js': nested, 'src/caught.js': caught })
  const { code, out, err } = await codemod()
  expect(code).toBe(0)
  expect(out).toBe(`--- a/src/nested.js
+++ b/src/nested.js
@@ -1,11 +1,7 @@
 export const save = (knex, row) =>
   knex.transaction(async (trx) => {
-    await trx.transaction(async (a) => {
-      await a('t').insert(row)
-      await a.transaction(async (b) => {
-        // deep
-        await b('u').insert(row)
-      })
-    })
-    await trx.batchInsert('t', [row])
+    await trx('t').insert(row)
+    // deep
+    await trx('u').insert(row)
+    await trx.batchInsert('t', [row]).transacting(trx)
   })`)
  expect(err).toContain('src/caught.js:4:17 knex-flatten/no-nested-transaction')
  expect(err).toContain('src/caught.js:8:15 knex-flatten/no-savepoint\n    Drop the inner transaction')
  expect(err).toMatch(/1 of 3 files to change, 2 reports left to you$/u)
  expect(read('src/nested.js')).toBe(nested)
})

test('writes once, and the second time finds nothing', async () => {
  const { codemod, git, read } = project({ 'nested.js': nested, '.gitignore': 'node_modules' })
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'before')
  expect(await codemod('--write')).toMatchObject({ code: 0, out: 'changed nested.js' })
  expect(read('nested.js')).toBe(flat)
  git('commit', '--quiet', '--all', '--message', 'after')
  const again = await codemod('--write', 'nested.js')
  expect(again).toEqual({ code: 0, out: '', err: '0 of 1 files changed, 0 reports left to you' })
})

test('does not write where git could not give the files back, unless it is forced', async () => {
  const { codemod, git, read } = project({ 'nested.js': nested })
  expect(await codemod('--write')).toMatchObject({
    code: 2,
    err: expect.stringContaining('not a git repository'),
  })
  git('init', '--quiet')
  expect(await codemod('--write')).toMatchObject({
    code: 2,
    err: expect.stringContaining('git has uncommitted changes'),
  })
  expect(read('nested.js')).toBe(nested)
  expect(await codemod('--write', '--force')).toMatchObject({ code: 0 })
  expect(read('nested.js')).toBe(flat)
})

test('leaves a file that does not parse, says so, and goes on with the others', async () => {
  const { codemod, read } = project({ 'broken.js': `${nested}\n)`, 'nested.js': nested })
  const { code, err } = await codemod('--write', '--force')
  expect(code).toBe(1)
  expect(err).toContain('broken.js: 13:1 Parsing error')
  expect(read('broken.js')).toBe(`${nested}\n)`)
  expect(read('nested.js')).toBe(flat)
})

test("keeps to the project's configuration: comments, severities, ignored files", async () => {
  const { codemod } = project({
    'eslint.config.js': `export default [
      { files: ['off.js'], rules: { 'knex-flatten/no-nested-transaction': 'off' } },
      { ignores: ['ignored.js'] },
    ]`,
    'off.js': nested,
    'ignored.js': nested,
    'migrations/first.js': nested,
    'disabled.js': `/* eslint-disable knex-flatten/no-nested-transaction */\n${nested}`,
  })
  expect(await codemod()).toEqual({ code: 0, out: '', err: '0 of 4 files to change, 0 reports left to you' })
})

test('keeps line ends and a byte order mark', async () => {
  const windows = (text: string) => `\uFEFF${text.replaceAll('\n', '\r\n')}`
  const { codemod, read } = project({ 'nested.js': windows(nested) })
  await codemod('--write', '--force')
  expect(read('nested.js')).toBe(windows(flat))
})

test('tells by types what names do not tell', async () => {
  const typed = (work: string) => `import type { Knex } from 'knex'
export const save = (pool: Knex) => pool.transaction(async (q) => { ${work} })
`
  const { codemod, read } = project({
    'eslint.config.js': `import parser from '@typescript-eslint/parser'
      const parserOptions = { projectService: true, tsconfigRootDir: import.meta.dirname }
      export default [{ files: ['**/*.ts'], languageOptions: { parser, parserOptions } }]`,
    'tsconfig.json': '{ "compilerOptions": { "module": "nodenext", "strict": true, "skipLibCheck": true } }',
    'save.ts': typed("await q.transaction(async (a) => { await a.transaction((b) => b.table('t')) })"),
    'any.ts':
      'export const f = (x: any) => x.transaction(async (q: any) => { await q.transaction((a: any) => a.into()) })',
  })
  const { code } = await codemod('--write', '--force', '*.ts')
  expect(code).toBe(0)
  expect(read('save.ts')).toBe(typed("await q.table('t')"))
  expect(read('any.ts')).toContain('q.transaction')
})

test('explains itself, and refuses what it does not know', async () => {
  const { codemod } = project({})
  expect(await codemod('--help')).toEqual({ code: 0, out: help, err: '' })
  expect(await codemod('--wirte')).toMatchObject({ code: 2, err: expect.stringContaining("'--wirte'") })
  expect(await codemod('--write', '--dry-run')).toMatchObject({
    code: 2,
    err: expect.stringContaining('exclude each other'),
  })
  expect(await codemod('nothing-there.js')).toMatchObject({
    code: 2,
    err: expect.stringContaining('nothing-there.js'),
  })
})
