import type { TSESLint } from '@typescript-eslint/utils'
import { Linter } from 'eslint'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lintedFile } from '../src/linted-file.ts'
import { sqlListener } from '../src/sql/reading.ts'

/** Tells of every row that SQL touches: the words, where they stand. */
const telling = {
  meta: { schema: [] },
  create(context: TSESLint.RuleContext<string, readonly unknown[]>) {
    return sqlListener(lintedFile(context), (hits) => {
      for (const { words, loc } of hits)
        context.report({ loc, message: '{{words}}', data: { words } } as never)
    })
  },
}

function hitsIn(code: string): { words: string; source: string }[] {
  const config = { plugins: { a: { rules: { telling } } }, rules: { 'a/telling': 'error' } }
  const messages = new Linter().verify(code, config as never, 'file.js')
  const lines = code.split(/(?<=\r\n|[\n\r\u2028\u2029])/u)
  const offsetOf = (line: number, column: number) => lines.slice(0, line - 1).join('').length + column - 1
  return messages.map(({ fatal, message, line, column, endLine, endColumn }) => {
    expect(fatal, message).not.toBe(true)
    return { words: message, source: code.slice(offsetOf(line, column), offsetOf(endLine!, endColumn!)) }
  })
}

const asString = (text: string) => JSON.stringify(text)
const asTemplate = (text: string) =>
  `\`${text.replaceAll(/[`\\$\r]/gu, (found) => (found === '\r' ? '\\r' : `\\${found}`))}\``

/** How a text may be handed to a call; the pieces one behind the other are the text. */
const forms: Record<string, (pieces: string[]) => string> = {
  'a string': (pieces) => `knex.raw(${asString(pieces.join(''))})`,
  'a template': (pieces) => `knex.raw(${asTemplate(pieces.join(''))})`,
  'a tag': (pieces) => `sql${asTemplate(pieces.join(''))}`,
  'a concatenation': (pieces) => `knex.raw(${pieces.map(asString).join(' + ')})`,
  'an array, joined': (pieces) => `knex.raw([${pieces.map(asTemplate).join(', ')}].join(''))`,
  'a text that grows': (pieces) =>
    `let text = ''; ${pieces.map((piece) => `text += ${asString(piece)};`).join(' ')} knex.raw(text)`,
  'constants in a template': (pieces) =>
    `${pieces.map((piece, index) => `const a${index} = ${asString(piece)};`).join(' ')} knex.raw(\`${pieces.map((_, index) => `\${a${index}}`).join('')}\`)`,
  'a template with holes': (pieces) =>
    `knex.raw(\`${pieces.map((piece) => asTemplate(piece).slice(1, -1)).join('${hole}')}\`)`,
  'a part of a query': (pieces) => `knex("t").whereRaw(${asString(pieces.join(''))})`,
  'a query of pg': (pieces) => `client.query({ text: ${asString(pieces.join(''))} })`,
}

const word = fc.constantFrom(
  ...`SAVEPOINT a|release a|ROLLBACK TO a|LOCK TABLE t|truncate t|DECLARE c CURSOR FOR|FETCH c|SELECT|1|my_func(1)|pg_advisory_lock(1)|nextval('s')|INSERT INTO t VALUES (1)|ON CONFLICT DO NOTHING|BEGIN ISOLATION LEVEL SERIALIZABLE|FROM t|WHERE a =|WITH a AS (|DELETE FROM t|RETURNING *)|CREATE TEMP TABLE a (b int)|VACUUM|SET CONSTRAINTS ALL DEFERRED|COPY t TO STDOUT|;|;|(|)|,|'|"|?|??|:a|\${|--|/*|*/|$$|$1|\\|\n|\r\n|\t|\u00e9|\u{1F600}|\u2028`.split(
    '|',
  ),
)
const piece = fc.oneof(
  { weight: 8, arbitrary: word },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
)
const texts = fc.array(
  fc.tuple(piece, fc.constantFrom('', ' ')).map((pair) => pair.join('')),
  { minLength: 1, maxLength: 9 },
)

const plain = (text: string) => text.replaceAll(/\s+/gu, ' ').trim().toUpperCase()

test.each(Object.entries(forms))(
  'whatever %s says, it is read without an error, and the words that are told stand where they are told to',
  (_, form) => {
    fc.assert(
      fc.property(texts, (pieces) => {
        const code = form(pieces)
        for (const { words, source } of hitsIn(code)) {
          const told = plain(words.replace(/\(\)$/u, ''))
          const found = plain(written(source))
          expect(found, code).toBe(told)
        }
      }),
      { numRuns: 150 },
    )
  },
)

/** What a stretch of code says, without the marks between pieces. */
function written(source: string): string {
  return source
    .replaceAll(/" \+ "|`, `|"; text \+= "|"; const a\d = "|\$\{hole\}/gu, '')
    .replaceAll('\\r', '\r')
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll(/\\(.)/gu, '$1')
}

test('every form finds what a plain statement says, in its place', () => {
  for (const [name, form] of Object.entries(forms)) {
    if (name === 'a part of a query') continue
    const [hit, ...others] = hitsIn(form(['SELECT 1; ', 'SAVE', 'POINT a']))
    expect(others, name).toEqual([])
    if (name !== 'a template with holes') expect(written(hit?.source ?? ''), name).toBe('SAVEPOINT')
  }
  expect(hitsIn(forms['a part of a query']!(['my_func(a)', ' = 1']))).toEqual([
    { words: 'my_func()', source: 'my_func' },
  ])
})

test('texts that double with each name are not followed to their end', () => {
  const names = Array.from(
    { length: 60 },
    (_, index) => `const a${index} = a${index + 1} + " SAVEPOINT b; " + a${index + 1};`,
  )
  const hits = hitsIn(`${names.join('\n')} const a60 = "SELECT 1;"; knex.raw(a0)`)
  expect(hits.length).toBeLessThan(60)
})

test('choices that double are looked at in part', () => {
  const choices = Array.from({ length: 40 }, (_, index) => `\${b${index} ? "SAVEPOINT c;" : "SELECT 1;"}`)
  expect(hitsIn(`knex.raw(\`${choices.join('')}\`)`)[0]).toEqual({ words: 'SAVEPOINT', source: 'SAVEPOINT' })
})

test('names that stand for each other end', () => {
  const code =
    'const a = b.c; const b = { c: a }; let d = e; let e = d; d += d; const f = () => g() + f(); const g = () => f() + g(); knex.raw(a); knex.raw(d); knex.raw(f()); knex.raw(`${a}${d}${f()}`)'
  expect(hitsIn(code)).toEqual([])
})
