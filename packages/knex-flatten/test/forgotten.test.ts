import { afterEach, describe, expect, it } from 'vitest'
import type { Knex } from 'knex'
import { connectFlat, useItems } from './items.ts'

const PATIENCE_MS = 100

describe('a transaction whose callback returned nothing to wait for', () => {
  const database = useItems()
  const left: Knex.Transaction[] = []
  let finish = (): void => undefined
  let warnings: string[]
  let warned: Promise<void>

  const open = (): Knex => {
    warnings = []
    let hear!: () => void
    warned = new Promise((resolve) => (hear = resolve))
    const warn = (text: unknown): void => {
      warnings.push(String(text))
      hear()
    }
    const config = { acquireConnectionTimeout: PATIENCE_MS, log: { warn } }
    return connectFlat(database, { config }).db
  }
  const forget = (trx: Knex.Transaction): void => {
    left.push(trx)
  }

  afterEach(async () => {
    finish()
    for (const trx of left.splice(0).reverse()) await trx.rollback()
  })

  it('is told of in the log when it has not been ended either', async () => {
    const over = open().transaction(forget as never, { name: 'pay' })
    await warned
    expect(warnings).toEqual([
      expect.stringMatching(
        /^knex-flatten: The transaction "pay" \(opened at .*forgotten\.test\.ts:\d+:\d+\) is still open after 100 ms: its callback returned no promise, and neither commit\(\) nor rollback\(\) was called\. Let the callback return/,
      ),
    ])
    await left.pop()!.commit(7)
    expect(await over).toBe(7)
  })

  it('is told of where it is a scope', async () => {
    const over = open().transaction((trx) => trx.transaction(forget as never, { name: 'bonus' }))
    await warned
    expect(warnings).toEqual([expect.stringContaining('The scope "bonus" (opened at')])
    await left.pop()!.commit(7)
    expect(await over).toBe(7)
  })

  it('is let alone where it was ended, where it returned a promise, and where the application was handed it', async () => {
    const db = open()
    await db.transaction(
      (trx) =>
        void trx('items')
          .insert({ id: 1 })
          .then(() => trx.commit()),
    )
    left.push(await db.transaction())
    const slow = db.transaction(() => new Promise<void>((resolve) => (finish = resolve)))
    // It waits for as long as those before it have, and behind them.
    void db.transaction(forget as never, { name: 'the last' })
    await warned
    expect(warnings).toEqual([expect.stringContaining('"the last"')])
    finish()
    await slow
  })
})
