import { join } from 'node:path'
import { Linter } from 'eslint'
import { describe, expect, test } from 'vitest'
import plugin, { type KnexFlattenSettings } from '../src/index.ts'
import { fixtures as cwd } from './lint.ts'

const linter = new Linter({ cwd })

function found(code: string, settings: unknown, file = 'file.js'): (string | null)[] {
  const config = { ...plugin.configs.strict, settings: { 'knex-flatten': settings } }
  return linter.verify(code, [config], join(cwd, file)).map(({ ruleId }) => ruleId)
}

const savepoint = ['knex-flatten/no-savepoint']

test.each([
  [{ profil: 'aws-local' }, 'has no "profil"; allowed: profile, transactionFunctions, writerOnly'],
  [{ profile: 'aws-lokal' }, 'profile is "aws-lokal"; allowed: aws-global, aws-local, an object'],
  [{ profile: { name: 'aws-local', extends: 'aws-local' } }, 'aws-global and aws-local are taken'],
  [
    { profile: { name: 'x', extends: 'aws-local', verdicts: { savepont: { verdict: 'refuse' } } } },
    'rule in profile.verdicts is "savepont"',
  ],
  [{ transactionFunctions: 'inTx' }, 'transactionFunctions is "inTx"; allowed: a list of names'],
  [{ transactionFunctions: [{ name: 'inTx' }] }, 'or of { name, argument }'],
  [{ writerOnly: [''] }, 'writerOnly is [""]; allowed: a list of names'],
  [{ ignorePaths: 'migrations' }, 'ignorePaths is "migrations"; allowed: a list of globs'],
  [{ typeInformation: 'always' }, 'typeInformation is "always"; allowed: "optional" or "required"'],
  [['aws-local'], 'is ["aws-local"]; allowed: an object'],
])('the settings %j end the run with what is allowed instead', (settings, message) => {
  expect(() => found('f()', settings)).toThrow(message)
})

test('a setting that is undefined is one that is not there', () => {
  expect(found('trx.savepoint(f)', { writerOnly: undefined, typeInformation: undefined })).toEqual(savepoint)
})

describe('ignorePaths', () => {
  test.each(['migrations/1.js', 'src/db/migrations/2020/1.js', 'seeds/users.js', '.hidden/migrations/1.js'])(
    'leaves %s alone by default',
    (file) => expect(found('trx.savepoint(f)', {}, file)).toEqual([]),
  )

  test('looks at what is only called like a migration', () => {
    expect(found('trx.savepoint(f)', {}, 'src/migrations.js')).toEqual(savepoint)
  })

  test('replaces the default, and is read below the folder of the configuration', () => {
    const settings: KnexFlattenSettings = { ignorePaths: ['scripts/**'] }
    expect(found('trx.savepoint(f)', settings, 'scripts/fill.js')).toEqual([])
    expect(found('trx.savepoint(f)', settings, 'src/scripts/fill.js')).toEqual(savepoint)
    expect(found('trx.savepoint(f)', settings, 'migrations/1.js')).toEqual(savepoint)
  })
})

describe('writerOnly', () => {
  test.each([
    'adminDb.raw("SAVEPOINT a")',
    'this.adminDb.raw("SAVEPOINT a")',
    'adminDb.transaction((trx) => trx.savepoint(f))',
    'const trx = await adminDb.transaction(); await trx.transaction(f)',
    'const db = adminDb; db.raw("SAVEPOINT a")',
    'adminDb("t").insert({}).onConflict("id").ignore()',
    'adminDb().raw("SAVEPOINT a")',
  ])('leaves alone what is sent on what it names: %s', (code) => {
    expect(found(code, {})).not.toEqual([])
    expect(found(code, { writerOnly: ['adminDb'] })).toEqual([])
  })

  test.each(['db.raw("SAVEPOINT a")', 'db.transaction((trx) => trx.savepoint(f))'])(
    'still sees everything else: %s',
    (code) => expect(found(code, { writerOnly: ['adminDb'] })).toEqual(savepoint),
  )
})

test("a preset's settings and one's own are put together", () => {
  const own = { settings: { 'knex-flatten': { writerOnly: ['adminDb'] } } }
  const messages = linter.verify('f()', [plugin.configs['strict-type-checked'], own], join(cwd, 'file.js'))
  expect(messages.map(({ messageId }) => messageId)).toEqual(['typesRequired'])
})
