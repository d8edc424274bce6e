import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import createKnex from 'knex'
import { flatten } from 'knex-flatten'
import { readYourWrites } from 'knex-flatten/express'

// One process of several behind a load balancer: it shares nothing with the others.
const db = flatten(createKnex({ client: 'pg', connection: process.argv[2]!, pool: { min: 0, max: 10 } }))
const app = express()
app.use(express.json(), readYourWrites(db, { secret: 'what both processes know' }))
for (const method of ['post', 'put'] as const) {
  app[method]('/orders', async (req, res) => {
    await db('orders').insert(req.body)
    res.status(201).end()
  })
}
app.get('/orders/:id', async (req, res) => {
  res.json(await db('orders').where({ id: req.params.id }))
})
const server = createServer((request, response) => void app(request, response)).listen(0, '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)
