import rule from '../../src/rules/no-upsert.ts'
import { typed, untyped } from '../rule-tester.ts'

interface Case {
  readonly name: string
  readonly before: string
  /** `undefined`: nothing is suggested. */
  readonly after?: string
}

const file = (imports: string, body: string): string => `import type { Knex } from 'knex'
${imports}export async function f(trx: Knex.Transaction, id: number, rows: { id: number }[]) {
  ${body}
}
export async function log(): Promise<void> {}
export declare function next(): Promise<number>
export declare function take(): number
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
    name: 'some columns of a row that only has to be there',
    before:
      "const user = await trx('users').where({ id }).first('id'); if (!user) await trx('users').insert({ id })",
    after: "await getOrCreate(trx, 'users', { id });",
  },
  {
    name: 'what would go on with the next statement',
    before:
      "const user = await trx('users').where({ id }).first()\n  if (!user) { await trx('users').insert({ id }) }\n  [id].map(String)",
    after: "await getOrCreate(trx, 'users', { id });\n  [id].map(String)",
  },
  {
    name: 'values that do nothing but answer',
    before:
      "const user = await trx('users').where({ id }).first()\n  if (!user) await trx('users').insert({ id, at: trx.fn.now(), on: new Date(), name: `a${id}`, big: id > 1 ? 1 : -1 })",
    after:
      "await getOrCreate(trx, 'users', { id }, { at: trx.fn.now(), on: new Date(), name: `a${id}`, big: id > 1 ? 1 : -1 })",
  },
  ...[
    ['a value that takes a query', 'number: await next()'],
    ['a value that may do anything', 'number: take()'],
    ['a value that may fail', 'number: rows[0]!.id'],
    ['a value of what was not found', 'number: user'],
    ['a column that is computed', '[String(id)]: 1'],
    ['a column twice', 'id'],
  ].map(([name, value]) => ({
    name: name!,
    before: `const user = await trx('users').where({ id }).first(); if (!user) await trx('users').insert({ id, ${value} })`,
  })),
  {
    name: 'some columns of a row that is kept',
    before:
      "let user = await trx('users').where({ id }).first('id'); if (!user) [user] = await trx('users').insert({ id }).returning('*'); return user",
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

const looked = (then: string, otherwise: string, test = 'user') =>
  `const user = await trx('users').where({ id }).first()\n  if (${test}) ${then} else ${otherwise}`
const updated = (values: string, key = '{ id }') => `await trx('users').where(${key}).update(${values})`
const inserted = (row: string) => `await trx('users').insert(${row})`

const updates: Case[] = [
  {
    name: 'the same values',
    before: looked(`{ ${updated('{ name: 1 }')} }`, `{ ${inserted('{ id, name: 1 }')} }`),
    after: "await updateOrCreate(trx, 'users', { id }, { name: 1 })",
  },
  {
    name: 'other values for a new row, asked the other way around',
    before: looked(
      `{ ${inserted("{ id, name: 1, visits: 1, by: 'a' }")}; }`,
      `{ ${updated("{ name: 1, visits: trx.raw('visits + 1') }")}; }`,
      'user == null',
    ),
    after:
      "await updateOrCreate(trx, 'users', { id }, { name: 1, visits: trx.raw('visits + 1') }, { onCreate: { visits: 1, by: 'a' } })",
  },
  {
    name: 'statements without braces',
    before: looked(`${updated('{ name: 1 }')};`, `${inserted('{ name: 1, id }')};`, 'user !== undefined'),
    after: "await updateOrCreate(trx, 'users', { id }, { name: 1 })",
  },
  ...(
    [
      ['a column that a new row does not get', updated('{ name: 1, at: 2 }'), inserted('{ id, name: 1 }')],
      ['another key', updated('{ name: 1 }', '{ other: id }'), inserted('{ id, name: 1 }')],
      ['a key of what was found', updated('{ name: 1 }', '{ id: user.id }'), inserted('{ id, name: 1 }')],
      ['a value of what was found', updated('{ name: user.name }'), inserted('{ id, name: 1 }')],
      ['a key that is written', updated('{ id }'), inserted('{ id }')],
      ['another table', updated('{ name: 1 }').replace('users', 'people'), inserted('{ id, name: 1 }')],
      ['something else beside', `{ ${updated('{ name: 1 }')}; await log() }`, inserted('{ id, name: 1 }')],
      ['a value that may do anything', updated('{ name: take() }'), inserted('{ id, name: take() }')],
      ['rows that are given back', updated("{ name: 1 }, '*'"), inserted('{ id, name: 1 }')],
      [
        'an update of more',
        updated('{ name: 1 }').replace('.where({ id })', ''),
        inserted('{ id, name: 1 }'),
      ],
    ] as const
  ).map(([name, then, otherwise]) => ({ name, before: looked(`{ ${then} }`, `{ ${otherwise} }`) })),
  {
    name: 'a row that is used behind it',
    before: `${looked(`{ ${updated('{ name: 1 }')} }`, `{ ${inserted('{ id, name: 1 }')} }`)}\n  return user`,
  },
]

const added = (name: string) => `import { ${name} } from 'knex-flatten'\n`

type MessageId = 'insertCatch' | 'findThenInsert'

const ways = [
  ['insertCatch', 'useTryInsert', 'tryInsert', inserts],
  ['findThenInsert', 'useGetOrCreate', 'getOrCreate', lookups],
  ['findThenInsert', 'useUpdateOrCreate', 'updateOrCreate', updates],
] as const

/** What is reported as `id`, with the one change that is suggested for it. */
const changed = (id: MessageId, messageId: (typeof ways)[number][1], code: string, output: string) => ({
  code,
  errors: [{ messageId: id, suggestions: [{ messageId, output }] }],
})

for (const [id, messageId, name, cases] of ways) {
  const [{ before, after = '' }] = cases as [Case]
  typed.run(`no-upsert: ${messageId}`, rule, {
    valid: [],
    invalid: [
      ...cases.map((each) => {
        const code = file('', each.before)
        return each.after === undefined
          ? { name: `not ${each.name}`, code, errors: [{ messageId: id }] }
          : { name: each.name, ...changed(id, messageId, code, file(added(name), each.after)) }
      }),
      {
        name: 'by the import that is there',
        ...changed(id, messageId, file(added(name), before), file(added(name), after)),
      },
      {
        name: 'by the name that the file has for it',
        ...changed(
          id,
          messageId,
          file(added(`flatten, ${name} as other`), before),
          file(added(`flatten, ${name} as other`), after.replace(name, 'other')),
        ),
      },
      {
        name: 'beside what is imported already',
        ...changed(id, messageId, file(added('flatten'), before), file(added(`flatten, ${name}`), after)),
      },
      {
        name: 'not where a profile refuses ON CONFLICT, by which it goes',
        code: file('', before),
        settings: {
          'knex-flatten': {
            profile: {
              name: 'ours',
              extends: 'aws-local',
              verdicts: { 'on-conflict': { verdict: 'refuse', known: 'measured' } },
            },
          },
        },
        errors: [{ messageId: id }],
      },
    ],
  })
}

const answered = (answer: string) =>
  file('', caught(` if (error.code !== '23505') throw error; ${answer} `, '{ id, name: 1 }'))

typed.run('no-upsert: an update where an insert meets a conflict', rule, {
  valid: [],
  invalid: [
    {
      name: 'of all that a new row gets',
      code: answered(updated('{ name: 1 }')),
      errors: [
        {
          messageId: 'insertCatch',
          suggestions: [
            {
              messageId: 'useUpdateOrCreate',
              output: file(
                added('updateOrCreate'),
                "await updateOrCreate(trx, 'users', { id }, { name: 1 })",
              ),
            },
            {
              messageId: 'useTryInsert',
              output: file(
                added('tryInsert'),
                `if ((await tryInsert(trx, 'users', { id, name: 1 })).conflicts.length > 0) { ${updated('{ name: 1 }')} }`,
              ),
            },
          ],
        },
      ],
    },
    ...[
      updated('{ name: 1, at: 1 }'),
      updated('{ name: 1 }', '{ id: id + 1 }'),
      `${updated('{ name: 1 }')}; await log()`,
      `return ${updated('{ name: 1 }')}`,
    ].map((answer) => ({
      name: `not ${answer}`,
      code: answered(answer),
      errors: [
        {
          messageId: 'insertCatch' as const,
          suggestions: [
            {
              messageId: 'useTryInsert' as const,
              output: file(
                added('tryInsert'),
                `if ((await tryInsert(trx, 'users', { id, name: 1 })).conflicts.length > 0) { ${answer} }`,
              ),
            },
          ],
        },
      ],
    })),
  ],
})

const inScript =
  "knex.transaction(async (trx) => { try { await trx('t').insert({ id: 1 }) } catch (error) { if (error.code !== '23505') throw error } })"

untyped.run('no-upsert: nothing is suggested in a script, which imports nothing', rule, {
  valid: [],
  invalid: [
    {
      code: inScript,
      languageOptions: { parserOptions: { sourceType: 'script' } },
      errors: [{ messageId: 'insertCatch' }],
    },
    changed(
      'insertCatch',
      'useTryInsert',
      inScript,
      "import { tryInsert } from 'knex-flatten'\nknex.transaction(async (trx) => { await tryInsert(trx, 't', { id: 1 }) })",
    ),
  ],
})
