import { underlined } from './underlined.ts'

/** Code around which Knex, pg and what else a rule about SQL needs is declared. */
function withKnex(body: string): string {
  return `
import type { Knex } from 'knex'
import { Model, raw } from 'objection'
import type { Client, Pool } from 'pg'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import format from 'pg-format'
import { OPEN, statements } from './services/statements.ts'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const client: Client
declare const pool: Pool
declare const name: string
declare const yes: boolean
declare function sql(texts: TemplateStringsArray, ...values: unknown[]): any
declare function SQL(texts: TemplateStringsArray, ...values: unknown[]): any
class User extends Model { id!: number }
${body}
`
}

/** A case that no rule is to report. */
export const silent = (name: string, body: string): { name: string; code: string } => ({
  name,
  code: withKnex(body),
})

/** Places of code that a rule reports: the words between each ‹ and ›, in their order. */
export function placesIn<Id extends string>(
  marked: string,
  messageId: Id,
): {
  code: string
  errors: { messageId: Id; line: number; column: number; endLine: number; endColumn: number }[]
} {
  const [, ...parts] = marked.split('‹')
  const plain = (text: string) => text.replaceAll(/[‹›]/gu, '')
  let before = marked.slice(0, marked.indexOf('‹'))
  const errors = parts.map((part) => {
    const { place } = underlined(`${plain(before)}‹${part}`)
    before += part
    return { messageId, ...place }
  })
  return { code: plain(marked), errors }
}

/** A case of which a rule reports the words between each ‹ and ›. */
export function flagged<Id extends string>(
  name: string,
  body: string,
  messageId: Id,
): { name: string } & ReturnType<typeof placesIn<Id>> {
  return { name, ...placesIn(withKnex(body), messageId) }
}

/** Settings under which rows of the support table have other verdicts. */
export function measured(
  verdicts: Record<string, { verdict: 'local' | 'forward' | 'refuse'; known: 'measured' }>,
): { settings: { 'knex-flatten': object } } {
  return { settings: { 'knex-flatten': { profile: { name: 'ours', extends: 'aws-local', verdicts } } } }
}
