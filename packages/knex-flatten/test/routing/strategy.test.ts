import createKnex, { type Knex } from 'knex'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../../test/setup/database.ts'
import { Strategy } from '../../src/routing/strategy.ts'
import { notForReaders, ofSession, onlyWriter, reads, writes, wrong } from './statements.ts'

const strategy = (how: 'forward' | 'writer' | 'auto') => new Strategy(how, 'aws-global')
const place = (how: 'forward' | 'writer' | 'auto', sql: string) => {
  const { target, reason } = strategy(how).forStatements([sql])
  return `${target}, ${reason}`
}

it('is told of at least 150 statements, of each once', () => {
  const all = [
    ...reads,
    ...ofSession,
    ...writes,
    ...onlyWriter,
    ...notForReaders.map(([sql]) => sql),
    ...wrong,
  ]
  expect(all.length).toBeGreaterThanOrEqual(150)
  expect(new Set(all).size).toBe(all.length)
})

describe('where a statement runs', () => {
  it.each([...reads, ...ofSession])('reads: %s', (sql) => {
    expect(place('writer', sql)).toBe('reader, reads')
    expect(place('auto', sql)).toBe('reader, reads')
    expect(place('forward', sql)).toBe('reader, reads')
  })

  it.each(writes)('writes: %s', (sql) => {
    expect(place('writer', sql)).toBe('writer, writes')
    expect(place('auto', sql)).toBe('reader, forwards')
    expect(place('forward', sql)).toBe('reader, forwards')
  })

  it.each(onlyWriter)('only the writer: %s', (sql) => {
    expect(place('writer', sql)).toBe('writer, unsupported')
    expect(place('auto', sql)).toBe('writer, unsupported')
    expect(place('forward', sql)).toBe('reader, forwards')
  })

  it.each(onlyWriter)("only the writer, with onUnsupported 'writer': %s", (sql) => {
    const leaving = new Strategy('forward', 'aws-global', true)
    expect(leaving.forStatements([sql])).toEqual({ target: 'writer', reason: 'unsupported' })
  })

  it("with onUnsupported 'writer' reads, writes, and transactions that a reader takes, stay on it", () => {
    const leaving = new Strategy('forward', 'aws-global', true)
    const level = (isolationLevel: string, readOnly = false) =>
      leaving.forRoot({ isolationLevel, readOnly, savepoints: false })
    expect(leaving.forStatements(['select 1'])).toEqual({ target: 'reader', reason: 'reads' })
    expect(leaving.forStatements(['delete from items'])).toEqual({ target: 'reader', reason: 'forwards' })
    expect(leaving.forRoot({ savepoints: false })).toEqual({ target: 'reader', reason: 'forwards' })
    expect(level('repeatable read')).toEqual({ target: 'reader', reason: 'forwards' })
    expect(level('serializable')).toEqual({ target: 'writer', reason: 'writer-only' })
    expect(level('serializable', true)).toEqual({ target: 'writer', reason: 'writer-only' })
    expect(level('repeatable read', true)).toEqual({ target: 'reader', reason: 'read-only' })
  })

  it.each(notForReaders)('not as a read, though a standby takes it: %s (%s)', (sql) => {
    expect(place('writer', sql)).toMatch(/^writer/)
    expect(place('auto', sql)).not.toBe('reader, reads')
    expect(place('forward', sql)).not.toBe('reader, reads')
  })

  it.each(wrong)('where writes do: %s', (sql) => {
    expect(place('writer', sql)).toMatch(/^writer/)
    expect(place('auto', sql)).not.toBe('reader, reads')
  })

  it('of several statements the most demanding decides', () => {
    expect(strategy('auto').forStatements(['select 1', 'truncate items', 'delete from items'])).toEqual({
      target: 'writer',
      reason: 'unsupported',
    })
  })
})

describe('what a builder makes', () => {
  const knex = createKnex({ client: 'pg' })
  const made: [string, Knex.QueryBuilder | Knex.Raw, RegExp][] = [
    ['select', knex('items').where({ id: 1 }).orderBy('id').limit(1), /reads$/],
    ['first', knex('items').first('id'), /reads$/],
    ['union', knex('items').union(knex('items')), /reads$/],
    ['a bound ??', knex.raw('select ?? from ??', ['id', 'items']), /reads$/],
    [
      'a named binding',
      knex.raw('select * from items where :column: = :id', { column: 'id', id: 1 }),
      /reads$/,
    ],
    ['insert', knex('items').insert({ id: 1 }), /writes$/],
    ['insert … on conflict', knex('items').insert({ id: 1 }).onConflict('id').merge(), /writes$/],
    ['increment', knex('items').increment('id'), /writes$/],
    ['del', knex('items').del('id'), /writes$/],
    ['forUpdate', knex('items').forUpdate().skipLocked(), /writes$/],
    [
      'with an insert',
      knex.with('made', knex('items').insert({ id: 1 }).returning('id')).from('made'),
      /writes$/,
    ],
    ['truncate', knex('items').truncate(), /unsupported$/],
    ['a raw part', knex('items').where('id', knex.raw("nextval('numbers')")), /unsupported$/],
  ]
  it.each(made)('%s', (_what, builder, where) => {
    expect(place('writer', builder.toSQL().sql)).toMatch(where)
  })
})

describe('a real standby agrees', () => {
  const database = useDatabase((primary) =>
    primary.query(`
      create table items (id int, note text);
      create table keyed (id int primary key);
      insert into items values (1, 'a');
      create sequence numbers;
      create view shown as select * from items;
      create materialized view seen as select 1;
      create type mood as enum ('good');
      create function own_function(int) returns int language sql as 'select 1';
      create function own_rows() returns setof int language sql as 'select 1';
      create procedure own_procedure() language plpgsql as 'begin end';
    `),
  )
  const onStandby = async (sql: string) => {
    const client = new pg.Client(database.standbyUrl)
    await client.connect()
    let count = 0
    const text = sql.replaceAll(/\\\?|\?/g, (mark) => (mark === '?' ? `$${++count}` : '?'))
    try {
      await client.query(text, count > 0 ? Array.from({ length: count }, () => 1) : undefined)
      return 'runs'
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await client.end()
    }
  }

  it.each([...reads, ...ofSession])('it runs %s', async (sql) => {
    expect(await onStandby(sql)).toBe('runs')
  })

  it.each(writes)('it refuses %s', async (sql) => {
    // 0A000: only of a transaction that is to be READ WRITE, or SERIALIZABLE.
    expect(await onStandby(sql)).toMatch(/^(?:25006|0A000)$/)
  })

  it.each(onlyWriter)('it refuses %s', async (sql) => {
    // XX000: it has no number to give to what is made.
    expect(await onStandby(sql)).toMatch(/^(?:25006|55000|0A000|XX000)$/)
  })

  it.each(notForReaders)('it takes %s, and yet: %s', async (sql) => {
    expect(await onStandby(sql)).toBe('runs')
  })

  it.each(wrong)('it does not run %s', async (sql) => {
    expect(await onStandby(sql)).not.toBe('runs')
  })
})
