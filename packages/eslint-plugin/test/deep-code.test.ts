import { Linter } from 'eslint'
import { expect, test } from 'vitest'
import { CallGraph } from '../src/calls/call-graph.ts'
import { openings } from '../src/calls/openings.ts'
import plugin from '../src/index.ts'
import { typescriptOf } from '../src/syntax/program-of.ts'
import { TypeScriptSyntax } from '../src/syntax/typescript-syntax.ts'
import { programOf } from './program-of.ts'

test('a generated constant of thousands of terms anywhere in the program does no harm', () => {
  const terms = Array.from({ length: 8000 }, () => '"a"').join('+')
  const code = `const text = ${terms}; function save(db) { db.transaction() }`
  const program = programOf(new Map([['/generated.ts', code]]), { noLib: true, types: [] })
  const graph = new CallGraph(new TypeScriptSyntax(typescriptOf(program), program), openings(new Map()))
  expect(graph.mayLead('save')).toBe(true)
  expect(graph.mayLead('text')).toBe(false)
})

test('a chain of a thousand calls is looked into without types', () => {
  const chain = '.where(1)'.repeat(1000)
  const code = `
    async function save(db) { await db.transaction((trx) => trx("t")${chain}) }
    async function add(trx) { try { await trx("t")${chain}.insert(row) } catch (error) { if (error.code !== "23505") throw error } }
    save(trx)`
  const messages = new Linter().verify(code, [plugin.configs.strict], 'file.js')
  expect(messages.map(({ ruleId }) => ruleId)).toEqual([
    'knex-flatten/require-read-only',
    'knex-flatten/no-upsert',
    'knex-flatten/no-nested-transaction',
  ])
})
