import rule from '../../src/rules/no-cursor.ts'
import { flagged as flaggedAs, measured, silent } from '../knex-code.ts'
import { typed, untyped } from '../rule-tester.ts'

const flagged = (name: string, body: string, messageId: 'cursor' | 'stream' = 'stream') =>
  flaggedAs(name, body, messageId)

typed.run('no-cursor, with types', rule, {
  valid: [
    silent('plain reads', 'await trx("t").select("a"); await trx.raw("SELECT 1")'),
    silent(
      'other streams',
      'import { createReadStream } from "node:fs"; import type { Writable } from "node:stream"; declare const out: Writable; createReadStream("a").pipe(out); declare const z: { pipe(a: unknown): void; stream(): void }; z.pipe(out); z.stream()',
    ),
    silent(
      'what a stream of Knex is piped to',
      'declare const rows: import("node:stream").PassThrough; rows.pipe(process.stdout)',
    ),
    silent('the words elsewhere', `await trx.raw("SELECT 'DECLARE c CURSOR FOR SELECT 1'")`),
    silent(
      'another class of the name',
      'class Cursor { constructor(public text: string) {} } new Cursor("SELECT 1")',
    ),
    { ...silent('streams, left to another rule', 'knex("t").stream()'), options: [{ streams: 'ignore' }] },
    {
      ...silent('what a profile has measured to work', 'knex("t").stream(); await trx.raw("FETCH c")'),
      ...measured({
        cursor: { verdict: 'local', known: 'measured' },
        'portal-fetch': { verdict: 'local', known: 'measured' },
      }),
    },
    {
      ...silent('what only ever talks to the writer', 'const writer = knex; writer("t").stream()'),
      settings: { 'knex-flatten': { writerOnly: ['writer'] } },
    },
  ],
  invalid: [
    flagged(
      'cursors',
      'await trx.raw("‹DECLARE› c CURSOR FOR SELECT 1; ‹FETCH› 10 FROM c; ‹MOVE› 1 IN c; ‹CLOSE› c")',
      'cursor',
    ),
    flagged('a cursor whose name is a hole', 'await client.query(`‹FETCH› 100 FROM ${name}`)', 'cursor'),
    flagged('a stream', 'knex("t").where({ a: 1 }).‹stream›({ highWaterMark: 500 })'),
    flagged('a stream that is piped', 'knex("t").‹stream›().pipe(process.stdout)'),
    flagged('a pipe', 'knex.select("a").from("t").‹pipe›(process.stdout)'),
    flagged('a stream of raw', 'trx.raw("SELECT 1").‹stream›()'),
    flagged(
      'a builder that another function makes',
      'declare const repo: { find(): Knex.QueryBuilder }; repo.find().‹stream›()',
    ),
    flagged(
      'a builder in a variable',
      'let query = knex("t").select("a"); if (yes) query = query.limit(1); query.‹stream›()',
    ),
    flagged(
      'pg-cursor',
      'import Cursor from "pg-cursor"; const cursor = client.query(new ‹Cursor›("SELECT 1"))',
    ),
    flagged(
      'pg-query-stream',
      'import QueryStream from "pg-query-stream"; client.query(new ‹QueryStream›(name, []))',
    ),
    {
      ...flagged(
        'cursors, while streams are ignored',
        'await trx.raw("‹DECLARE› c CURSOR FOR SELECT 1")',
        'cursor',
      ),
      options: [{ streams: 'ignore' }],
    },
    {
      ...flagged('streams that a profile refuses, ignored or not', 'knex("t").‹stream›()'),
      ...measured({ 'portal-fetch': { verdict: 'refuse', known: 'measured' } }),
      options: [{ streams: 'ignore' }],
    },
  ],
})

untyped.run('no-cursor, without types', rule, {
  valid: [
    'response.body.pipe(out); fs.createReadStream(a).pipe(b); db.collection("t").find().stream(); db.stream()',
    'import { from } from "rxjs"; from(a).pipe(map(b)); z.string().pipe(c)',
    'new Cursor("SELECT 1")',
    'import { Cursor } from "mongodb"; new Cursor("SELECT 1"); const Stream = require("stream"); new Stream()',
  ],
  invalid: [
    { code: 'db("t").select("a").stream()', errors: [{ messageId: 'stream' }] },
    { code: 'db.raw("SELECT 1").stream()', errors: [{ messageId: 'stream' }] },
    { code: 'this.db.select("a").from("t").pipe(out)', errors: [{ messageId: 'stream' }] },
    {
      code: 'const Cursor = require("pg-cursor"); client.query(new Cursor(text))',
      errors: [{ messageId: 'stream' }],
    },
    {
      code: 'import Cursor = require("pg-cursor"); client.query(new Cursor(text))',
      errors: [{ messageId: 'stream' }],
    },
    {
      code: 'const { default: Stream } = require("pg-query-stream"); new Stream(text)',
      errors: [{ messageId: 'stream' }],
    },
  ],
})
