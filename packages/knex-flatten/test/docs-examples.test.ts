import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import createKnex from 'knex'
import * as knexFlatten from 'knex-flatten'
import * as testing from 'knex-flatten/testing'
import ts from 'typescript'
import { describe, it } from 'vitest'
import { useDatabase } from '../../../test/setup/database.ts'

const folder = new URL('../../../docs/transactions/', import.meta.url)

interface Example {
  readonly page: string
  readonly line: number
  readonly code: string
  readonly tables: string
}

/** The examples of the pages, each with the tables that the comment before it asks for. */
const examples = readdirSync(folder)
  .filter((page) => page.endsWith('.md'))
  .flatMap((page): Example[] => {
    const text = readFileSync(new URL(page, folder), 'utf8')
    return [...text.matchAll(/(?:<!-- tables: (.*?) -->\n\n)?```ts\n(.*?)```/gs)].map(
      ({ 1: tables = '', 2: code = '', index }) => {
        return { page, line: text.slice(0, index).split('\n').length, code, tables }
      },
    )
  })

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...args: unknown[]) => Promise<void>

describe.each(examples)('the example at docs/transactions/$page:$line', ({ code, tables }) => {
  const database = useDatabase(async (primary) => primary.query(tables))

  it('does what it says', async () => {
    const { db } = database.connect()
    const scope = {
      ...knexFlatten,
      ...testing,
      assert,
      createKnex,
      db: knexFlatten.flatten(db),
      connection: { client: 'pg', connection: database.primaryUrl },
    }
    const { outputText } = ts.transpileModule(code.replace(/^import .*$/gm, ''), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    })
    // In a block of its own a page may open its own `db`.
    await new AsyncFunction(...Object.keys(scope), `{${outputText}}`)(...Object.values(scope))
  })
})
