import * as typescriptParser from '@typescript-eslint/parser'
import { AST_NODE_TYPES } from '@typescript-eslint/utils'
import type { Linter } from 'eslint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { everyRule, lintTyped, lintUntyped } from './in-memory.ts'
import { lintUnder, withTypes } from './lint.ts'
import { oddElements, oddExpressions, oddScript, oddStatements } from './odd-code.ts'
import { tokenEnds } from './token-ends.ts'
import { allShapes, around, linesWithHoles, useOfAllShapes } from './transaction-code.ts'

/** A text without the tokens between two places. */
function cutsOf(text: string): fc.Arbitrary<string> {
  const place = fc.constantFrom(...tokenEnds(text))
  return fc.tuple(place, place, fc.boolean()).map(([one, other, toTheEnd]) => {
    const [from, to] = [Math.min(one, other), Math.max(one, other)]
    return text.slice(0, from) + (toTheEnd ? '' : text.slice(to))
  })
}

const parses = (code: string): boolean => {
  try {
    typescriptParser.parse(code)
    return true
  } catch {
    return false
  }
}

const linesFor = (expression: string): string[] =>
  linesWithHoles
    .map((line) => line.replaceAll('HOLE', `(${expression})`))
    .filter((line) => parses(around([line])))

const fatalOf = (messages: readonly Linter.LintMessage[]) => messages.filter(({ fatal }) => fatal)

describe('code that nobody would write', () => {
  test('has every kind of node', () => {
    const kinds = new Set<string>()
    const collect = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return
      if ('type' in node && typeof node.type === 'string') kinds.add(node.type)
      for (const [key, child] of Object.entries(node)) if (key !== 'parent') collect(child)
    }
    const expressions = oddExpressions.map((expression) => `async function* f() { g(${expression}) }`)
    for (const code of [...expressions, ...oddStatements, oddScript]) collect(typescriptParser.parse(code))
    collect(typescriptParser.parse(oddElements, { ecmaFeatures: { jsx: true } }))
    // Modifiers are kinds by name only: the parser sets a flag instead.
    const modifier = /^TS(?:Abstract|Async|Declare|Export|Private|Protected|Public|Readonly|Static)Keyword$/u
    const missing = Object.values(AST_NODE_TYPES).filter((kind) => !kinds.has(kind) && !modifier.test(kind))
    expect(missing).toEqual([])
  })

  test.each(oddExpressions)('%s is linted anywhere in a transaction, typed or not', (expression) => {
    const lines = linesFor(expression)
    const code = around(lines)
    const typed = `import type { Knex } from 'knex'\nimport type { Client } from 'pg'\n${code.replace('db, trx, client', 'db: Knex, trx: Knex.Transaction, client: Client')}`
    expect(fatalOf(lintTyped({ '/app/file.ts': typed }))).toEqual([])
    expect(fatalOf(lintUntyped(code, typescriptParser))).toEqual([])
    // ESLint's own parser knows less; where it reads the code, so do the rules.
    expect(() => lintUntyped(code)).not.toThrow()
  })

  test.each(oddStatements)('%s is linted beside a transaction', (statement) => {
    const code = `${statement}\n${around(linesFor('row'))}`
    expect(fatalOf(lintTyped({ '/app/file.ts': code }))).toEqual([])
    expect(fatalOf(lintUntyped(code, typescriptParser))).toEqual([])
  })
})

describe('half-written code', () => {
  test('of this file is linted wherever it can be parsed', () => {
    const line = fc.constantFrom(...linesFor('row')).chain(cutsOf)
    let linted = 0
    fc.assert(
      fc.property(line, (cut) => {
        if (fatalOf(lintUntyped(around([cut]), typescriptParser)).length === 0) linted++
      }),
      { numRuns: 400 },
    )
    expect(linted).toBeGreaterThan(40)
  })

  test('of another file of the program is followed as far as it goes', () => {
    fc.assert(
      fc.property(cutsOf(allShapes), (other) => {
        expect(fatalOf(lintTyped({ '/app/file.ts': useOfAllShapes, '/app/other.ts': other }))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  test('leaves what is reported of whole code as it is', () => {
    const messages = lintTyped({ '/app/file.ts': useOfAllShapes, '/app/other.ts': allShapes })
    expect(messages.map(({ ruleId }) => ruleId)).toContain('knex-flatten/no-nested-transaction')
    expect(lintTyped({ '/app/file.ts': useOfAllShapes })).toEqual(
      lintTyped({ '/app/file.ts': useOfAllShapes, '/app/other.ts': '' }),
    )
  })
})

test('files that import one another in circles are followed once around', () => {
  const pass = (to: string) =>
    `import type { Knex } from 'knex'\nimport { run as next } from './${to}.ts'\nexport const run = async (db: Knex): Promise<void> => { await next(db) }\n`
  const files = {
    '/app/file.ts': `${pass('one')}export const start = (trx: Knex.Transaction) => run(trx)\n`,
    '/app/one.ts': pass('two'),
    '/app/two.ts': pass('file'),
  }
  expect(lintTyped(files)).toEqual([])
  const opening = `${files['/app/two.ts']}export const open = (db: Knex) => db.transaction(async () => {})\n`
  const opened = opening.replace('await next(db)', 'await open(db); await next(db)')
  const found = lintTyped({ ...files, '/app/two.ts': opened }).map(({ ruleId, line }) => `${line} ${ruleId}`)
  expect(found).toContain('4 knex-flatten/no-nested-transaction')
})

test('where everything is any, only names are left, and nothing is invented', () => {
  const code = `
    declare const db: any, store: any, queue: any
    export async function f(given: any) {
      const rows = await given.load()
      await db.open(async (session: any) => { await session.write(rows); await store.transaction('rows') })
      for (const row of rows) await queue.add(row)
      await Promise.all(rows.map((row: any) => store.put(row)))
      try { await store.put(rows) } catch {}
    }`
  expect(lintTyped({ '/app/file.ts': code })).toEqual([])
})

test.each([
  ['MySQL', 'INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)'],
  ['MySQL', 'LOCK TABLES t WRITE'],
  ['SQL Server', 'SAVE TRAN a; SELECT TOP 1 [a] FROM [t] WITH (UPDLOCK)'],
  ['Oracle', 'SELECT a FROM t WHERE ROWNUM < 2 CONNECT BY PRIOR a = b'],
  ['SQLite', 'PRAGMA journal_mode = WAL'],
  ['no language', '}{ savepoint ; select from where ‰ \0 \u{1f9f5} """ $$ \\'],
  ['nothing', ''],
])('SQL of %s is not judged: %j', (_database, text) => {
  const code = `async function f(trx) { await trx.raw(${JSON.stringify(text)}); await trx.raw(\`\${f}${text.replaceAll(/[\\`]/gu, '')}\${f}\`) }`
  expect(lintUntyped(code)).toEqual([])
})

describe("ESLint's own message, and no other, is given for", () => {
  const lint = async (code: string, parserOptions: Linter.ParserOptions, file = 'file.ts') => {
    const languageOptions = { parser: typescriptParser, parserOptions }
    const messages = await lintUnder([{ files: ['**/*.ts'], languageOptions }, everyRule], code, file)
    return messages.map(({ fatal, message }) => ({ fatal, message }))
  }
  const nested = 'trx.transaction((inner) => inner.raw("SAVEPOINT a"))\n'

  test.each(['trx.transaction(', 'await trx.raw(`SAVEPOINT', 'class { }'])(
    'what cannot be parsed: %s',
    async (code) => {
      const messages = await lint(code, {})
      expect(messages).toEqual([{ fatal: true, message: expect.stringContaining('Parsing error') }])
    },
  )

  test('a tsconfig that is not there', async () => {
    const messages = await lint(nested, { ...withTypes, project: './nowhere.json' })
    expect(messages).toEqual([{ fatal: true, message: expect.stringContaining('nowhere.json') }])
  })

  test('a file that is not in the project', async () => {
    const messages = await lint(nested, withTypes, 'elsewhere/new.ts')
    expect(messages).toEqual([{ fatal: true, message: expect.stringContaining('elsewhere/new.ts') }])
  })
})
