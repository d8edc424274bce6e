import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../../test/setup/database.ts'
import { Strategy } from '../../src/routing/strategy.ts'

const reads: readonly string[] = [
  'select 1',
  'select * from items where id = ?',
  'select count(*) from items group by note having count(*) > 1',
  'with chosen as (select * from items) select * from chosen',
  'select now(), random(), lower(note) from items',
  'select * from items as of join items as other using (id)',
  'values (1), (2)',
  'table items',
  'show search_path',
  'explain select 1',
  'explain analyze select 1',
  'explain insert into items values (1)',
  "select currval('numbers') from items where false",
  "select 'insert into items values (1)' as text",
  'select * from items -- for update',
  'select * from pg_stat_activity',
  "select to_tsvector('simple', note) from items",
  'select exists (select 1 from items)',
  'select * from items tablesample system (1)',
  '/* delete from items */ select 1',
]

const writes: readonly string[] = [
  'insert into items values (1)',
  'insert into items (id) values (?) returning id',
  'update items set note = ? where id = ?',
  'delete from items',
  'with gone as (delete from items returning *) select * from gone',
  'with made as (insert into items values (2) returning id) select id from made',
  'select * from items for update',
  'select * from items where id = ? for no key update skip locked',
  'select * from items for share',
  'select * from (select * from items for key share) as locked',
  'explain analyze insert into items values (3)',
  'merge into items using (values (1)) as v(id) on items.id = v.id when matched then delete',
  'select 1; delete from items',
]

/** A reader refuses them, whether it forwards or not. */
const onlyWriter: readonly string[] = [
  "select nextval('numbers')",
  "select setval('numbers', 1)",
  'select 1 as id into copied',
  'create table more (id int)',
  'create temporary table more (id int)',
  'truncate items',
  'vacuum items',
  'listen news',
  'notify news',
  "select pg_notify('news', 'x')",
  'lock table items',
  'refresh materialized view seen',
  'grant select on items to public',
  'select lo_create(0)',
]

/** A standby takes them, and they do there what nobody wants. */
const wrongOnReader: readonly string[] = [
  'select pg_advisory_lock(1)',
  'select pg_try_advisory_xact_lock(1)',
  'select own_function(1)',
  'this does not parse',
]

const strategy = (how: 'forward' | 'writer' | 'auto') => new Strategy(how, 'aws-global')
const place = (how: 'forward' | 'writer' | 'auto', sql: string) => {
  const { target, reason } = strategy(how).forStatements([sql])
  return `${target}, ${reason}`
}

describe('where a statement runs', () => {
  it.each(reads)('reads: %s', (sql) => {
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

  it.each(wrongOnReader)('never on a reader by itself: %s', (sql) => {
    expect(place('writer', sql)).toMatch(/^writer/)
  })

  it('of several statements the most demanding decides', () => {
    expect(strategy('auto').forStatements(['select 1', 'truncate items', 'delete from items'])).toEqual({
      target: 'writer',
      reason: 'unsupported',
    })
  })
})

describe('a real standby agrees', () => {
  const database = useDatabase((primary) =>
    primary.query(
      'create table items (id int, note text); create sequence numbers; create materialized view seen as select 1',
    ),
  )
  const onStandby = async (sql: string) => {
    const client = new pg.Client(database.standbyUrl)
    await client.connect()
    const values = [...sql.matchAll(/\?/g)].map(() => 1)
    let index = 0
    try {
      await client.query(
        sql.replaceAll('?', () => `$${++index}`),
        values,
      )
      return 'runs'
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await client.end()
    }
  }

  it.each(reads)('it runs %s', async (sql) => {
    expect(await onStandby(sql)).toBe('runs')
  })

  it.each(writes)('it refuses %s', async (sql) => {
    expect(await onStandby(sql)).toMatch(/^(?:25006|42601)$/)
  })

  it.each(onlyWriter)('it refuses %s', async (sql) => {
    expect(await onStandby(sql)).toMatch(/^(?:25006|55000)$/)
  })
})
