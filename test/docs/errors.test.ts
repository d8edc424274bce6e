import { readFileSync } from 'node:fs'
import * as knexFlatten from 'knex-flatten'
import { expect, it } from 'vitest'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

const raised = Object.values(knexFlatten)
  .filter(
    (exported) => typeof exported === 'function' && exported.prototype instanceof knexFlatten.FlattenError,
  )
  .map(
    (Raised) =>
      new (Raised as unknown as new (message: string, details: object) => unknown)('', {
        errors: [],
      }) as knexFlatten.FlattenError,
  )

it.each(raised.map((error) => [error.code, error.name]))('the page of errors explains %s', (code, name) => {
  expect(page).toContain(`## ${code}\n\n\`${name}\`.`)
})

it('the page of errors explains no code that is not raised', () => {
  const explained = [...page.matchAll(/^## (FLATTEN_\w+)$/gm)].map(([, code]) => code)
  expect(explained.sort()).toEqual(raised.map(({ code }) => code).sort())
})
