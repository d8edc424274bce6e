import { Linter } from 'eslint'
import { describe, expect, test } from 'vitest'
import { configs } from '../../src/index.ts'
import { lint } from '../lint.ts'
import { reportsOf, suggestedFor } from './suggested.ts'
import { typeErrorsOf } from './type-errors.ts'

interface Case {
  readonly name: string
  readonly before: string
  /** `undefined`: nothing is suggested. */
  readonly after?: string
  readonly imports?: string
}

const file = (imports: string, body: string): string => `import type { Knex } from 'knex'
${imports}
export async function f(trx: Knex.Transaction, id: number, rows: { id: number }[]) {
  ${body}
}
export async function log(): Promise<void> {}
`

const caught = (handler: string, row = '{ id }') =>
  `try {\n    await trx('users').insert(${row}) // new\n  } catch (error: any) {${handler}}`.replace(
    ' // new',
    '',
  )

const inserts: Case[] = [
  {
    name: 'a conflict that is nothing',
    before: caught("\n    if (error.code !== '23505') throw error\n  "),
    after: "await tryInsert(trx, 'users', { id })",
  },
  {
    name: 'an answer behind the question',
    before: caught(
      "\n    if (error.code !== '23505') throw error\n    // taken\n    await log()\n    return 1\n  ",
    ),
    after:
      "if ((await tryInsert(trx, 'users', { id })).conflicts.length > 0) {\n    // taken\n    await log()\n    return 1\n  }",
  },
  {
    name: 'an answer in the question',
    before: caught(
      " if ((error as { code: string }).code === '23505') { await log() } else { throw error } ",
    ),
    after: "if ((await tryInsert(trx, 'users', { id })).conflicts.length > 0) { await log() }",
  },
  {
    name: 'an answer that returns',
    before: caught(" if (error?.code === '23505') { return null } throw error "),
    after: "if ((await tryInsert(trx, 'users', { id })).conflicts.length > 0) { return null }",
  },
  {
    name: 'an answer that asks more',
    before: caught(" if (error.code !== '23505') throw error; await log(error.detail) ").replace(
      'log(error.detail)',
      'log.call(error)',
    ),
  },
  {
    name: 'another error thrown',
    before: caught(" if (error.code === '23505') return 1; throw new Error('x') "),
  },
  { name: 'many rows', before: caught(" if (error.code !== '23505') throw error ", 'rows') },
  {
    name: 'more than the insert in the try',
    before:
      "try { await trx('users').insert({ id }); await log() } catch (error: any) { if (error.code !== '23505') throw error }",
  },
  {
    name: 'a value that is used',
    before:
      "try { return await trx('users').insert({ id }) } catch (error: any) { if (error.code !== '23505') throw error }",
  },
  {
    name: 'something in any case',
    before:
      "try { await trx('users').insert({ id }) } catch (error: any) { if (error.code !== '23505') throw error } finally { await log() }",
  },
  {
    name: 'a comment that would go',
    before: caught(" /* taken? */ if (error.code !== '23505') throw error "),
  },
  {
    name: 'another thing of that name',
    before: `const tryInsert = 1; void tryInsert; ${caught(" if (error.code !== '23505') throw error ")}`,
  },
]

const lookups: Case[] = [
  {
    name: 'a row that only has to be there',
    before:
      "const user = await trx('users').where({ id }).first()\n  if (!user) await trx('users').insert({ id, name: 'a' })",
    after: "await getOrCreate(trx, 'users', { id }, { name: 'a' })",
  },
  {
    name: 'a row that is kept',
    before:
      "let user = await trx('users').where({ id }).first();\n  if (user === undefined) {\n    [user] = await trx('users').insert({ id }).returning('*')\n  }\n  return user",
    after: "let { row: user } = await getOrCreate(trx, 'users', { id });\n  return user",
  },
  {
    name: 'a row that is used and not kept',
    before:
      "const user = await trx('users').where({ id }).first(); if (!user) await trx('users').insert({ id }); return user",
  },
  {
    name: 'a key that the row does not have',
    before:
      "const user = await trx('users').where({ id }).first(); if (!user) await trx('users').insert({ id: id + 1 })",
  },
  {
    name: 'a key that is computed',
    before:
      "const user = await trx('users').where({ id: Math.random() }).first(); if (!user) await trx('users').insert({ id: Math.random() })",
  },
  {
    name: 'a row spread from elsewhere',
    before:
      "const user = await trx('users').where({ id }).first(); if (!user) await trx('users').insert({ id, ...rows[0] })",
  },
  {
    name: 'some columns',
    before:
      "const user = await trx('users').where({ id }).first('id'); if (!user) await trx('users').insert({ id })",
  },
  {
    name: 'something else beside the insert',
    before:
      "const user = await trx('users').where({ id }).first(); if (!user) { await trx('users').insert({ id }); await log() }",
  },
  {
    name: 'what is done where it was there',
    before:
      "const user = await trx('users').where({ id }).first(); if (!user) await trx('users').insert({ id }); else await log()",
  },
  {
    name: 'a comment between',
    before:
      "const user = await trx('users').where({ id }).first()\n  // none?\n  if (!user) await trx('users').insert({ id })",
  },
]

const added = (name: string) => `import { ${name} } from 'knex-flatten'`
const before = (body: string) =>
  `import type { Knex } from 'knex'${file('', body).slice("import type { Knex } from 'knex'".length)}`

describe.each([
  ['useTryInsert', 'tryInsert', inserts],
  ['useGetOrCreate', 'getOrCreate', lookups],
] as const)('%s', (messageId, name, cases) => {
  test.each(cases)('$name', async (given) => {
    const found = await suggestedFor('no-upsert', before(given.before))
    if (given.after === undefined) {
      expect(found).toEqual([])
      expect(await reportsOf('no-upsert', before(given.before))).not.toEqual([])
      return
    }
    const output = `import type { Knex } from 'knex'\n${added(name)}${file('', given.after).slice("import type { Knex } from 'knex'".length)}`
    expect(found).toEqual([{ messageId, output }])
    expect(await reportsOf('no-upsert', output)).toEqual([])
  })

  test('uses the import that is there, by its name in the file', async () => {
    const { before, after = '' } = cases[0]!
    for (const [imports, call] of [
      [added(name), name],
      [`import { flatten, ${name} as other } from 'knex-flatten'; void flatten`, 'other'],
    ] as const) {
      const [found] = await suggestedFor('no-upsert', file(imports, before))
      expect(found?.output).toBe(file(imports, after.replace(name, call)))
    }
    const [found] = await suggestedFor('no-upsert', file("import { flatten } from 'knex-flatten'", before))
    expect(found?.output).toBe(file(`import { flatten, ${name} } from 'knex-flatten'`, after))
  })
})

test('what is suggested type-checks against knex-flatten itself', () => {
  const all = [
    ...inserts.map((each) => ['tryInsert', each] as const),
    ...lookups.map((each) => ['getOrCreate', each] as const),
  ]
  const texts = all.flatMap(([name, { after }]) => (after === undefined ? [] : [file(added(name), after)]))
  expect(typeErrorsOf(texts)).toEqual([])
})

test('is not suggested where a profile refuses ON CONFLICT, by which they go', async () => {
  const profile = {
    name: 'ours',
    extends: 'aws-local',
    verdicts: { 'on-conflict': { verdict: 'refuse', known: 'measured' } },
  }
  const settings = { 'knex-flatten': { profile } }
  for (const [{ before: body }] of [[inserts[0]!], [lookups[0]!]] as const) {
    const messages = await lint(before(body), { settings, rules: { 'knex-flatten/no-upsert': 'error' } })
    expect(messages.map(({ suggestions }) => suggestions)).toEqual([undefined])
  }
})

test('is not suggested in a script, which imports nothing', () => {
  const code =
    "knex.transaction(async (trx) => { try { await trx('t').insert({ id: 1 }) } catch (error) { if (error.code !== '23505') throw error } })"
  const suggestedIn = (sourceType: 'script' | 'module') =>
    new Linter()
      .verify(code, { ...configs.strict, languageOptions: { sourceType } })
      .map(({ suggestions }) => suggestions?.length)
  expect(suggestedIn('module')).toEqual([1])
  expect(suggestedIn('script')).toEqual([undefined])
})
