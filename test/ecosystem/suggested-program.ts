import { runInThisContext } from 'node:vm'
import { Linter } from 'eslint'
import plugin from 'eslint-plugin-knex-flatten'
import type { Knex } from 'knex'
import { getOrCreate, tryInsert, updateOrCreate } from 'knex-flatten'
import { expect } from 'vitest'

/** A program on a Knex; each mention of an id asks `at` for it. */
export type Program = (knex: Knex, at: (id: number) => number) => Promise<unknown>

/** The text of a program, of its function's body. */
export function textOf(body: string): string {
  return `async function program(knex, at) {${body}\n}`
}

/** A program after every suggestion of `rules` by these names; nothing else is reported of it then. */
export function rewritten(body: string, rules: Linter.RulesRecord, messageIds: readonly string[]): string {
  const linter = new Linter()
  const config: Linter.Config = {
    plugins: { 'knex-flatten': plugin },
    rules,
    languageOptions: { ecmaVersion: 2023 },
  }
  let code = textOf(body)
  for (;;) {
    const messages = linter.verify(code, config)
    const suggestions = messages.flatMap((message) => message.suggestions ?? [])
    const next = suggestions.find(({ messageId = '' }) => messageIds.includes(messageId))
    if (next === undefined) {
      expect(messages).toEqual([])
      return code
    }
    const [start, end] = next.fix.range
    code = code.slice(0, start) + next.fix.text + code.slice(end)
  }
}

/** What a program's text comes to; what it imports of knex-flatten is given to it. */
export function compiled(code: string): Program {
  const own = { getOrCreate, tryInsert, updateOrCreate }
  const text = code.replaceAll(/^import .*\n/gmu, '')
  const make = runInThisContext(`({ ${Object.keys(own).join(', ')} }) => (${text})`) as (
    given: typeof own,
  ) => Program
  return make(own)
}
