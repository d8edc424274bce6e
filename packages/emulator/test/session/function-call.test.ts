import { describe, expect, it } from 'vitest'
import { framed } from '../../src/wire/build.ts'
import {
  bind,
  errorIn,
  execute,
  parse,
  query,
  sync,
  type Answer,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig({
  once: `
    CREATE TABLE item (id int PRIMARY KEY);
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
    CREATE FUNCTION "odd ""name"(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT $1 - 1';
    CREATE FUNCTION add_item(int) RETURNS int LANGUAGE sql AS 'INSERT INTO item VALUES ($1) RETURNING id';
    CREATE FUNCTION careful(int) RETURNS int LANGUAGE plpgsql AS
      'BEGIN RETURN 1 / $1; EXCEPTION WHEN division_by_zero THEN RETURN 0; END';`,
})

/** A FunctionCall with one argument, everything in text. */
function call(oid: number, argument: string): Buffer {
  const [head, tail] = [Buffer.alloc(12), Buffer.alloc(2)]
  head.writeUInt32BE(oid, 0)
  head.writeInt16BE(1, 6)
  head.writeInt32BE(argument.length, 8)
  return framed(0x46, head, Buffer.from(argument), tail)
}

async function oidOf(signature: string): Promise<number> {
  return (await rig.onStandby('SELECT $1::regprocedure::oid::int AS oid', [signature]))[0].oid
}

/** The letters, and the value that the call returns, where it returns one. */
async function answer(client: RawClient, message: Buffer): Promise<string> {
  client.send(message)
  const answers = await client.until('Z')
  return answers.map(described).join(' ')
}

function described(answer: Answer): string {
  if (answer.type === 'V') return `V(${answer.bytes.toString('latin1', 9)})`
  if (answer.type === 'E') return `E(${errorIn([answer])!.sqlstate})`
  return answer.type === 'Z' ? `Z(${answer.bytes.toString('latin1', 5)})` : answer.type
}

const withFunctions = (verdict: 'local' | 'forward') =>
  ({
    name: `functions: ${verdict}`,
    extends: 'aws-local',
    verdicts: { 'user-function': { verdict, known: 'assumed' } },
  }) as const

describe('a fastpath call', () => {
  it('of one of PostgreSQL’s own functions runs on the reader', async () => {
    const client = await rig.raw()
    expect(await answer(client, call(await oidOf('abs(integer)'), '-3'))).toBe('V(3) Z(I)')
    expect(await answer(client, call(await oidOf('pg_catalog.nextval(regclass)'), 'none'))).toBe(
      'E(42P01) Z(I)',
    )
    expect(rig.endpoint.crossings()).toMatchObject({ total: 0, transactions: [] })
  })

  it.each(['twice(int)', '"odd ""name"(int)', 'lower(int)', 'careful(int)'])(
    'of a user’s function is refused, as in SQL: %s',
    async (signature) => {
      const client = await rig.raw()
      const message = call(await oidOf(signature), '2')
      expect(await answer(client, message)).toBe('E(0A000) Z(I)')
      expect(rig.endpoint.refusals()).toMatchObject([{ rule: 'user-function' }])
      await client.ask([query('BEGIN')])
      expect(await answer(client, message)).toBe('E(0A000) Z(E)')
      expect(await answer(client, message)).toBe('E(25P02) Z(E)')
      expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
      expect(await answer(client, call(await oidOf('abs(integer)'), '-3'))).toBe('V(3) Z(I)')
    },
  )

  it('of a user’s function is refused in a transaction that has moved, and takes its writes with it', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    expect(await answer(client, call(await oidOf('abs(integer)'), '-3'))).toBe('V(3) Z(T)')
    expect(await answer(client, call(await oidOf('twice(int)'), '2'))).toBe('E(0A000) Z(E)')
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await rig.onPrimary('SELECT FROM item')).toEqual([])
  })

  it('runs here or there as the rule’s verdict says, and one with an EXCEPTION part nowhere', async () => {
    for (const [verdict, added] of [
      ['local', 'E(25006) Z(I)'],
      ['forward', 'V(7) Z(I)'],
    ] as const) {
      const endpoint = await rig.endpointWith({ profile: withFunctions(verdict) })
      const client = await rig.raw({}, endpoint)
      expect(await answer(client, call(await oidOf('twice(int)'), '2'))).toBe('V(4) Z(I)')
      expect(await answer(client, call(await oidOf('add_item(int)'), '7'))).toBe(added)
      expect(await answer(client, call(await oidOf('careful(int)'), '2'))).toBe('E(0A000) Z(I)')
      expect(endpoint.refusals().map(({ rule }) => rule)).toContain('plpgsql-exception')
    }
    expect(await rig.onPrimary('SELECT id FROM item')).toEqual([{ id: 7 }])
  })

  it('leaves a portal without a name as it is', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    expect(await client.ask([parse('SELECT 1'), bind(), sync])).toBe('1 2 Z(T)')
    expect(await answer(client, call(await oidOf('twice(int)'), '2'))).toBe('V(4) Z(T)')
    expect(await client.ask([execute(), sync])).toBe('D C Z(T)')
  })

  it('of no function at all, or cut short, is the server’s to answer', async () => {
    const client = await rig.raw()
    expect(await answer(client, call(4_000_000_000, '1'))).toBe('E(42883) Z(I)')
    expect(await answer(client, framed(0x46, Buffer.alloc(2)))).toBe('E(08P01) Z(I)')
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })
})
