import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mustRun, packAll, published, UserProject, versionOf, workspace } from './packed.ts'

/** Beside the catalog's own, the newest. */
const olderTypeScripts = ['5.6.3', '5.9.3']

let folder: string
let tarballs: string[]
let project: UserProject

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knex-flatten-packed-'))
  tarballs = await packAll(folder)
  project = await UserProject.create([
    ...tarballs,
    ...[
      'knex',
      'pg',
      'eslint',
      'typescript',
      '@typescript-eslint/parser',
      '@types/node',
      '@types/pg',
      'vitest',
    ].map((name) => versionOf(name)),
    ...[
      'express',
      '@types/express',
      'fastify',
      'koa',
      '@types/koa',
      '@nestjs-cls/transactional',
      'nestjs-cls',
      '@opentelemetry/api',
    ].map((name) => versionOf(name, 'packages/knex-flatten')),
    ...olderTypeScripts.map((version) => `typescript-${version}@npm:typescript@${version}`),
  ])
})

afterAll(async () => {
  await project.remove()
  await rm(folder, { recursive: true, force: true })
})

describe.each(published.map((name, index) => [name, index] as const))('the packed %s', (_name, index) => {
  it('passes publint without a message', async () => {
    const tarball = await readFile(tarballs[index]!)
    const { messages, pkg } = await publint({
      pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.length) },
      strict: true,
    })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('has types that resolve as an ESM-only package should', async () => {
    await mustRun(
      'npx',
      ['attw', tarballs[index]!, '--profile', 'esm-only', '--no-color'],
      join(workspace, 'test'),
    )
  })
})

describe("in a user's project", () => {
  async function typeCheck(file: string, ...options: readonly string[]): Promise<void> {
    const always = ['tsc', '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--types', 'node']
    const { code, output } = await project.run('npx', ...always, ...options, file)
    if (code !== 0) expect.fail(output)
  }

  it('knex-flatten loads by import and by require, as one copy', async () => {
    await project.write(
      'app.mjs',
      `import { createRequire } from 'node:module'
       import { flatten } from 'knex-flatten'
       console.log('same', createRequire(import.meta.url)('knex-flatten').flatten === flatten)\n`,
    )
    expect(await project.run('node', 'app.mjs')).toMatchObject({
      code: 0,
      output: expect.stringContaining('same true'),
    })
  })

  it.each(['README.md', ...published.map((name) => `packages/${name}/README.md`)])(
    'the TypeScript in %s is right',
    async (page) => {
      const text = await readFile(join(workspace, page), 'utf8')
      const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)
      await project.write('page.ts', `${blocks.join('\n')}\nexport {}\n`)
      await typeCheck('page.ts', '--module', 'nodenext')
    },
  )

  const typeScripts = ['typescript', ...olderTypeScripts.map((version) => `typescript-${version}`)]
  const resolutions = ['node16', 'nodenext', 'bundler']

  it.each(
    typeScripts.flatMap((typeScript) => resolutions.map((resolution) => [typeScript, resolution] as const)),
  )('the types of knex-flatten are known to %s under %s', async (typeScript, moduleResolution) => {
    // What frameworks declare takes TypeScript long to read.
    const web = typeScript === 'typescript' || moduleResolution === 'nodenext'
    const files = ['types.mts', ...(web ? ['web-types.mts'] : [])]
    for (const file of files) {
      await project.write(file, await readFile(new URL(`${file}.txt`, import.meta.url), 'utf8'))
    }
    const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution
    const { code: status, output } = await project.run(
      'node',
      `node_modules/${typeScript}/bin/tsc`,
      ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--target', 'es2022'],
      ...['--types', 'node', '--module', module, '--moduleResolution', moduleResolution, '--esModuleInterop'],
      ...files,
    )
    if (status !== 0) expect.fail(output)
  })

  it.each([
    [
      'eslint.config.mjs',
      `import plugin from 'eslint-plugin-knex-flatten'\nexport default [plugin.configs.recommended]\n`,
    ],
    [
      'eslint.config.cjs',
      `const { default: plugin } = require('eslint-plugin-knex-flatten')\nmodule.exports = [plugin.configs.recommended]\n`,
    ],
  ])('the linter loads from %s and names a nested transaction', async (config, text) => {
    await project.write(config, text)
    await project.write(
      'nested.mjs',
      `export const nested = (knex) => knex.transaction((trx) => trx.transaction((inner) => inner.raw('select 1')))\n`,
    )
    const { code, output } = await project.run('npx', 'eslint', '--config', config, 'nested.mjs')
    expect(output).toContain('knex-flatten/no-nested-transaction')
    expect(code).toBe(1)
  })

  it('forwarding-reader starts by its command, forwards a flattened transaction, and stops on SIGTERM', async () => {
    await project.write(
      'order.mjs',
      `import knex from 'knex'
       import { flatten } from 'knex-flatten'
       const primary = knex({ client: 'pg', connection: process.argv[3] })
       await primary.schema.createTable('t', (table) => table.integer('id').primary())
       const db = flatten(knex({ client: 'pg', connection: process.argv[2], pool: { min: 0, max: 1 } }))
       while (!(await db.schema.hasTable('t')));
       await db.transaction(async (trx) => {
         await trx('t').insert({ id: 1 })
         await trx.transaction(async (inner) => inner('t').insert({ id: 2 }))
       })
       console.log('rows', (await primary('t').pluck('id')).join(), (await db('t').pluck('id')).join())
       await Promise.all([db.destroy(), primary.destroy()])\n`,
    )
    const reader = spawn(join(project.folder, 'node_modules/.bin/forwarding-reader'), ['--json'], {
      cwd: project.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => reader.on('exit', (code, signal) => resolve(code ?? signal)))
    try {
      const { value: line } = await createInterface(reader.stdout)[Symbol.asyncIterator]().next()
      const { readerUrl, primaryUrl } = JSON.parse(line)
      const { output } = await project.run('node', 'order.mjs', readerUrl, primaryUrl)
      expect(output).toContain('rows 1,2 1,2')
    } finally {
      reader.kill('SIGTERM')
    }
    expect(await ended).toBe(0)
  })
})
