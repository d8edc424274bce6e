import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beginTestTransaction, captureHooks } from 'knex-flatten/testing'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectFlat, idsIn, useItems } from '../items.ts'
import { serveExpress } from '../web/express-server.ts'
import { work } from '../web/requests.ts'

describe('a test transaction around each test of vitest', () => {
  const database = useItems()
  const { db } = connectFlat(database, { config: { pool: { max: 1 } } })
  beforeEach(() => beginTestTransaction(db))

  const placeOrder = (id: number) =>
    db.transaction(async (trx) => {
      await trx('items').insert({ id })
      await trx.transaction((scope) => scope('orders').insert({ item: id }))
    })

  it.each([1, 2, 3])('gives each the tables as they were, round %s', async (round) => {
    await placeOrder(1)
    expect(await db('orders').pluck('item')).toEqual([1])
    expect(await idsIn(database)).toEqual([])
    if (round === 2) await expect(placeOrder(1)).rejects.toMatchObject({ code: '23505' })
  })

  it('needs no clock', async () => {
    vi.useFakeTimers()
    try {
      await placeOrder(1)
      await Promise.all([placeOrder(2), db('items').select()])
    } finally {
      vi.useRealTimers()
    }
    expect(await db('orders').pluck('item')).toEqual([1, 2])
  })
})

describe('a test transaction around a server in the same process', () => {
  const database = useItems()
  let server: Awaited<ReturnType<typeof serveExpress>>
  let rollBack: () => Promise<void>
  beforeAll(async () => {
    server = await serveExpress(database, (its) => async (req, res) => {
      await work.insert(its, Number(req.query['id']))
      res.status(Number(req.query['status'])).end()
    })
  })
  beforeEach(async () => {
    rollBack = await beginTestTransaction(server.db)
  })
  afterEach(async () => {
    await rollBack()
    expect(await idsIn(database)).toEqual([])
  })

  it('holds its requests, each with a transaction of its own', async () => {
    const { hooks } = await captureHooks(server.db, async () => {
      const answers = await Promise.all(
        [200, 500, 201].map((status, id) => fetch(`${server.url}/?id=${id}&status=${status}`)),
      )
      expect(answers.map(({ status }) => status)).toEqual([200, 500, 201])
    })
    expect(hooks.length).toBe(2)
    expect(await server.db('items').orderBy('id').pluck('id')).toEqual([0, 2])
  })
})

const tests = `
  import assert from 'node:assert/strict'
  import { after, afterEach, beforeEach, describe, it } from 'node:test'
  import createKnex from 'knex'
  import { flatten } from 'knex-flatten'
  import { beginTestTransaction, inTestTransaction } from 'knex-flatten/testing'

  const db = flatten(createKnex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 0 } }))
  const insert = () => db.transaction((trx) => trx('items').insert({ id: 1 }))
  after(() => db.destroy())

  describe('between hooks', () => {
    let rollBack
    beforeEach(async () => {
      rollBack = await beginTestTransaction(db)
    })
    afterEach(() => rollBack())

    it('one test stores a row', insert)
    it('another stores the same', insert)
  })
  it('a test of its own stores it too', () => inTestTransaction(db, insert))
  it('nothing is left', async () => assert.deepEqual(await db('items'), []))
`

describe('a test transaction in node:test', () => {
  const database = useItems()

  it('rolls back between hooks and around one test', async () => {
    const options = ['--import', 'tsx', '-C', '@knex-flatten/source', '--test-reporter', 'tap']
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...options, '--input-type', 'module', '-e', tests],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: { ...process.env, DATABASE_URL: database.primaryUrl, NODE_OPTIONS: '' },
      },
    )
    expect(stdout).toMatch(/# pass 4\n# fail 0/)
    expect(await idsIn(database)).toEqual([])
  })
})
