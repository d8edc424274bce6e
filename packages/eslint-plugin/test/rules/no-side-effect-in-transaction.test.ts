import rule from '../../src/rules/no-side-effect-in-transaction.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import axios from 'axios'
import { Queue } from 'bullmq'
import https from 'node:https'
import nodemailer from 'nodemailer'
import Stripe from 'stripe'
import type { Knex } from 'knex'
import { afterCommit } from 'knex-flatten'
declare const knex: Knex
declare const row: object
const mailer = nodemailer.createTransport()
const queue = new Queue('mail')
const stripe = new Stripe('key')
const api = axios.create()
${body}
`

const silent = (name: string, body: string, options: { functions?: string[]; allow?: string[] } = {}) => ({
  name,
  code: within(body),
  options: [options] as [typeof options],
})

/** The words underlined stand between ‹ and ›. */
function flagged(
  name: string,
  body: string,
  messageId: 'direct' | 'through' = 'direct',
  options: { functions?: string[] } = {},
) {
  const { code, place } = underlined(within(body))
  return { name, code, options: [options] as [typeof options], errors: [{ messageId, ...place }] }
}

const inside = (body: string) =>
  `await knex.transaction(async (trx) => { await trx("users").insert(row); ${body} })`

const right = [
  silent('mail outside of a transaction', 'await mailer.sendMail({})'),
  silent('mail behind the commit', inside('afterCommit(trx, () => mailer.sendMail({}))')),
  silent(
    'mail behind the end',
    'async function f() { const trx = await knex.transaction(); await trx.commit(); await mailer.sendMail({}) }',
  ),
  silent(
    'methods of the same name',
    inside(
      'const seen = new Map<string, string>(); seen.get("a"); declaredElsewhere.send("x"); declaredElsewhere.post("y")',
    ) + '; declare const declaredElsewhere: { send(what: string): void; post(what: string): void }',
  ),
  silent('a request that is allowed', inside('await axios.get("http://localhost")'), {
    allow: ['axios.get'],
  }),
  silent('a package that is allowed', inside('await axios.post("http://localhost")'), { allow: ['axios'] }),
  silent('a hook by its name', inside('const send = () => mailer.sendMail({}); afterCommit(trx, send)')),
]

const wrong = [
  flagged('mail', inside('await mailer.‹sendMail›({})')),
  flagged('a request', inside('await axios.‹post›("http://localhost")')),
  flagged('a request by a client', inside('await api.‹get›("http://localhost")')),
  flagged('a request by a function', inside('await ‹axios›("http://localhost")')),
  flagged('fetch', inside('await ‹fetch›("http://localhost")')),
  flagged("Node's own request", inside('https.‹request›("https://localhost")')),
  flagged('a queue', inside('await queue.‹add›("mail", {})')),
  flagged('a payment', inside('await stripe.charges.‹create›({})')),
  flagged('in a loop', inside('await Promise.all([1].map(async () => { await mailer.‹sendMail›({}) }))')),
  flagged(
    'a started transaction',
    'async function f() { const trx = await knex.transaction(); await mailer.‹sendMail›({}); await trx.commit() }',
  ),
  flagged(
    'a function that is handed one',
    'async function f(trx: Knex.Transaction) { await trx("users"); await mailer.‹sendMail›({}) }',
  ),
  flagged(
    "one's own function",
    inside('await ‹notify›(row)') + '; declare function notify(row: object): Promise<void>',
    'direct',
    { functions: ['notify'] },
  ),
  flagged(
    'a function of this file that is called from outside too',
    `async function welcome() { await mailer.sendMail({}) }; await welcome(); ${inside('await ‹welcome›()')}`,
    'through',
  ),
  flagged(
    'a function that is called by one',
    `export const send = async () => mailer.sendMail({}); export async function welcome() { await send() }; ${inside('await ‹welcome›()')}`,
    'through',
  ),
  flagged(
    'a function only called from inside',
    `async function welcome() { await mailer.‹sendMail›({}) }; ${inside('await welcome()')}`,
  ),
]

typed.run('no-side-effect-in-transaction, with types', rule, { valid: right, invalid: wrong })
untyped.run('no-side-effect-in-transaction, by names', rule, { valid: right, invalid: wrong })
