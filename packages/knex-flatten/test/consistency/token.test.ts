import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import { causalityToken, requestScope, waitForReader } from 'knex-flatten/consistency'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connectFlat, rejection, useItems } from '../items.ts'

const database = useItems()
const KEY = 'the key of this test'

afterEach(() => {
  vi.useRealTimers()
})

let lastId = 0

/** The token of a write, by whatever is written to. */
async function tokenOf(options: Parameters<typeof requestScope>[2] = {}): Promise<string> {
  const { db } = connectFlat(database)
  const token = await requestScope(
    db,
    async () => {
      await db('items').insert({ id: ++lastId })
      return causalityToken(db)
    },
    options,
  )
  return token!
}

/** What the channel tells of a token that a request comes with. */
async function told(token: string, options: Parameters<typeof requestScope>[2] = {}): Promise<unknown> {
  const { db } = connectFlat(database)
  const messages: unknown[] = []
  const listen = (message: unknown): void => void messages.push(message)
  subscribe('knex-flatten:token', listen)
  try {
    await requestScope(db, async () => db('items'), { ...options, token })
  } finally {
    unsubscribe('knex-flatten:token', listen)
  }
  expect(messages).toHaveLength(1)
  const { outcome, reason } = messages[0] as { outcome: string; reason?: string }
  return reason ?? outcome
}

describe('a token', () => {
  it('has a position of the writer’s log where it was written there', async () => {
    expect(await tokenOf()).toMatch(/^1\.[0-9a-z]{8}\.[0-9A-F]+-[0-9A-F]+$/)
  })

  it('is honoured, signed or not', async () => {
    expect(await told(await tokenOf())).toBe('honoured')
    expect(await told(await tokenOf({ secret: KEY }), { secret: KEY })).toBe('honoured')
  })

  it('is signed by the first key, and believed by any', async () => {
    const old = await tokenOf({ secret: KEY })
    const both = ['a key that came later', KEY]
    expect(await told(old, { secret: both })).toBe('honoured')
    expect(await told(await tokenOf({ secret: both }), { secret: KEY })).toBe('forged')
  })

  it('is forged without a signature, with another, or changed', async () => {
    const token = await tokenOf({ secret: KEY })
    const [version, at, position, signature] = token.split('.') as [string, string, string, string]
    const changed = signature.startsWith('A') ? 'B' : 'A'
    for (const forged of [
      [version, at, position].join('.'),
      [version, at, position, changed + signature.slice(1)].join('.'),
      [version, at, '0-0', signature].join('.'),
      [version, '1', position, signature].join('.'),
    ]) {
      expect(await told(forged, { secret: KEY }), forged).toBe('forged')
    }
  })

  it('counts for nothing from the future, and when it is old', async () => {
    const at = (ms: number): string => `1.${(Date.now() + ms).toString(36)}.`
    expect(await told(at(-1_000))).toBe('honoured')
    expect(await told(at(30_000))).toBe('honoured')
    expect(await told(at(90_000))).toBe('from-the-future')
    expect(await told(at(-200_000))).toBe('honoured')
    expect(await told(at(-400_000))).toBe('expired')
    expect(await told(at(-2_000), { maxAgeMs: 1_000 })).toBe('expired')
  })

  it.each([
    '',
    '1',
    '1..',
    'x',
    '2.abc.',
    '1.abc.0-0.short',
    '1.abc.0/0',
    '1.ABC.',
    `1.${'z'.repeat(12)}.`,
    '1.abc.\n',
  ])('counts for nothing where it is malformed: %j', async (text) => {
    expect(await told(text)).toBe('malformed')
  })

  it('may be anything', async () => {
    const { db } = connectFlat(database)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (token) => {
        expect(await requestScope(db, () => 1, { token, secret: KEY })).toBe(1)
      }),
      { numRuns: 300 },
    )
  })
})

describe('causalityToken', () => {
  it('is undefined where nothing was written, or what was written is undone', async () => {
    const { db } = connectFlat(database)
    const token = await tokenOf()
    await requestScope(
      db,
      async () => {
        await db('items')
        await db.transaction(async (trx) => trx('items'))
        await rejection(
          db.transaction(async (trx) => {
            await trx('items').insert({ id: ++lastId })
            throw new Error('undone')
          }),
        )
        expect(causalityToken(db)).toBeUndefined()
      },
      { token },
    )
  })

  it('knows nothing of what was refused before it was sent', async () => {
    const { db } = connectFlat(database, {}, { guard: 'always' })
    await requestScope(db, async () => {
      expect((await rejection(db.raw('truncate items'))).code).toBe('FLATTEN_UNSUPPORTED_STATEMENT')
      expect(causalityToken(db)).toBeUndefined()
    })
  })

  it('is refused outside of a scope', () => {
    const { db } = connectFlat(database)
    expect(() => causalityToken(db)).toThrow(TransactionOptionsError)
    expect(() => causalityToken(db)).toThrow(/not inside requestScope/)
    expect(() => causalityToken(database.connect().db)).toThrow(/flatten\(knex\)/)
  })

  it('knows of a stream that writes as soon as it is read', async () => {
    const { db } = connectFlat(database)
    await requestScope(db, async () => {
      for await (const row of db.raw('insert into items (id) values (?) returning id', [++lastId]).stream()) {
        expect(row).toEqual({ id: lastId })
      }
      expect(causalityToken(db)).toBeDefined()
    })
  })
})

describe('waitForReader', () => {
  it('has nothing to wait for on a writer', async () => {
    const { db } = connectFlat(database)
    await waitForReader(db, await tokenOf())
  })

  it.each(['forwarding reader', 'standby'])('waits for a %s', async (which) => {
    const url = which === 'standby' ? database.standbyUrl : database.readerUrl
    const { db } = connectFlat(database, { url })
    const token = await tokenOf()
    await waitForReader(db, token)
    expect(await db('items').where({ id: lastId })).toHaveLength(1)
  })

  it.each<[string, unknown, unknown, RegExp]>([
    ['what is no token', 'nonsense', {}, /the token is malformed/],
    ['a token that is not signed', '1.abc.', { secret: KEY }, /the token is forged/],
    ['a wrong timeout', '1.abc.', { timeoutMs: '1s' }, /timeoutMs must be a positive number/],
    ['a wrong signal', '1.abc.', { signal: 7 }, /signal must be an AbortSignal/],
    ['an unknown option', '1.abc.', { timeout: 7 }, /there is no option "timeout"/],
  ])('refuses %s', async (_what, token, options, words) => {
    const error = await rejection(
      waitForReader(flatten(database.connect().db), token as string, options as object),
    )
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(words)
  })
})
