import createKnex from 'knex'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import * as express from 'knex-flatten/express'
import * as fastify from 'knex-flatten/fastify'
import * as koa from 'knex-flatten/koa'
import { describe, expect, it } from 'vitest'

describe.each([
  ['Express', express.transactionPerRequest],
  ['Fastify', fastify.transactionPerRequest],
  ['Koa', koa.transactionPerRequest],
])('transactionPerRequest() for %s', (_framework, transactionPerRequest) => {
  const db = flatten(createKnex({ client: 'pg' }))

  it.each([
    [
      { rollbackfrom: 500 },
      /there is no option "rollbackfrom"\. Known options: rollbackFrom, readOnlyMethods/,
    ],
    [{ rollbackFrom: 404 }, /rollbackFrom must be 400, 500, not 404/],
    [{ readOnlyMethods: 'GET' }, /readOnlyMethods must be an array of method names, .* not "GET"/],
    [{ readOnlyMethods: ['get'] }, /readOnlyMethods must be an array of method names/],
    [{ skip: '/health' }, /skip must be a function of the request, not "\/health"/],
    [{ isolationLevel: 'strict' }, /isolationLevel must be "read committed", .* not "strict"/],
    [{ maxHeldBytes: 0 }, /maxHeldBytes must be a positive number of bytes, not 0/],
    ['all', /options must be an object, not "all"/],
  ])('refuses %o', (options, message) => {
    const make = (): unknown => transactionPerRequest(db, options as any)
    expect(make).toThrow(TransactionOptionsError)
    expect(make).toThrow(message)
  })

  it.each([
    ['nothing', undefined],
    ['what is not flattened', createKnex({ client: 'pg' })],
  ])('refuses %s', (_what, on) => {
    expect(() => transactionPerRequest(on as any)).toThrow('db must be what flatten(knex) returned')
  })
})
