import assert from 'node:assert/strict'
import * as asyncHooks from 'node:async_hooks'
import * as diagnosticsChannel from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import createKnex from 'knex'
import * as knexFlatten from 'knex-flatten'
import * as consistency from 'knex-flatten/consistency'
import * as forExpress from 'knex-flatten/express'
import * as forFastify from 'knex-flatten/fastify'
import * as forKoa from 'knex-flatten/koa'
import * as otel from 'knex-flatten/otel'
import * as routing from 'knex-flatten/routing'
import * as testing from 'knex-flatten/testing'
import Koa from 'koa'
import ts from 'typescript'
import { describe, it } from 'vitest'
import { useDatabase } from '../../../test/setup/database.ts'

const docs = new URL('../../../docs/', import.meta.url)
const pages = ['transactions', 'routing', 'observability'].flatMap((folder) =>
  readdirSync(new URL(folder, docs))
    .filter((page) => page.endsWith('.md'))
    .map((page) => `${folder}/${page}`),
)

interface Example {
  readonly page: string
  readonly line: number
  readonly code: string
  readonly tables: string
}

/** The examples of the pages, each with the tables that the comment before it asks for. */
const examples = pages.flatMap((page): Example[] => {
  const text = readFileSync(new URL(page, docs), 'utf8')
  return [...text.matchAll(/(?:<!-- tables: (.*?) -->\n\n)?```ts\n(.*?)```/gs)].map(
    ({ 1: tables = '', 2: code = '', index }) => {
      return { page, line: text.slice(0, index).split('\n').length, code, tables }
    },
  )
})

/** What an example may import. */
const modules: Record<string, unknown> = {
  express: { __esModule: true, default: express },
  fastify: { __esModule: true, default: fastify },
  koa: { __esModule: true, default: Koa },
  'node:async_hooks': asyncHooks,
  'node:diagnostics_channel': diagnosticsChannel,
  'knex-flatten': knexFlatten,
  'knex-flatten/consistency': consistency,
  'knex-flatten/express': forExpress,
  'knex-flatten/fastify': forFastify,
  'knex-flatten/koa': forKoa,
  'knex-flatten/otel': otel,
  'knex-flatten/routing': routing,
  'knex-flatten/testing': testing,
}

/** Lets an example ask its own server. */
async function serve(server: Server): Promise<{
  post: (path: string, body?: unknown) => Promise<Response>
  close: () => Promise<void>
}> {
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const headers = { 'content-type': 'application/json', connection: 'close' }
  return {
    post: (path, body) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
    close: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...args: unknown[]) => Promise<void>

describe.each(examples)('the example at docs/$page:$line', ({ code, tables }) => {
  const database = useDatabase(async (primary) => primary.query(tables))

  it('does what it says', async () => {
    const { db } = database.connect()
    const scope = {
      ...knexFlatten,
      ...testing,
      assert,
      createKnex,
      serve,
      require: (name: string) => modules[name],
      exports: {},
      db: knexFlatten.flatten(db),
      connection: { client: 'pg', connection: database.primaryUrl },
      readerConnection: { client: 'pg', connection: database.readerUrl },
    }
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.CommonJS },
    })
    // In a block of its own a page may open its own `db`.
    await new AsyncFunction(...Object.keys(scope), `{${outputText}}`)(...Object.values(scope))
  })
})
