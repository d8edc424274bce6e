import { beforeEach, describe, expect, it } from 'vitest'
import {
  bind,
  closeStatement,
  describeStatement,
  execute,
  parse,
  query,
  sync,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { itemCount, itemTable, tenItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: tenItems })
let client: RawClient
beforeEach(async () => {
  client = await rig.raw()
})

const count = () => itemCount(rig)

describe('prepared statements', () => {
  it('are known on both servers, whichever heard of them first', async () => {
    expect(await client.ask([parse('SELECT count(*) FROM item WHERE id > $1', 's'), sync])).toBe('1 Z(I)')
    expect(await client.ask([bind(['0'], 's'), execute(), sync])).toBe('2 D C Z(I)')
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (11)')])
    expect(await client.ask([describeStatement('s'), bind(['10'], 's'), execute(), sync])).toBe(
      't T 2 D C Z(T)',
    )
    expect(await client.ask([bind(['10'], 's'), execute(), sync])).toBe('2 D C Z(T)')
    await client.ask([query('ROLLBACK')])
    expect(await client.ask([bind(['0'], 's'), execute(), sync])).toBe('2 D C Z(I)')
  })

  it('are replaced on both servers when a name is closed and used again', async () => {
    await client.ask([parse('INSERT INTO item VALUES ($1)', 's'), bind(['11'], 's'), execute(), sync])
    await client.ask([closeStatement('s'), sync])
    expect(await client.ask([bind([], 's'), execute(), sync])).toBe('E(26000) Z(I)')
    expect(await client.ask([parse('DELETE FROM item WHERE id > $1', 's'), sync])).toBe('1 Z(I)')
    expect(await client.ask([bind(['5'], 's'), execute(), sync])).toBe('2 C Z(I)')
    expect(await count()).toBe(5)
  })

  it('refuse a name that is taken, on whichever server it was taken', async () => {
    await client.ask([parse('INSERT INTO item VALUES ($1)', 's'), bind(['11'], 's'), execute(), sync])
    expect(await client.ask([parse('SELECT 1', 's'), sync])).toBe('E(42P05) Z(I)')
    expect(await client.ask([bind(['12'], 's'), execute(), sync])).toBe('2 C Z(I)')
  })

  it.each(['DEALLOCATE ALL', 'DISCARD ALL'])(
    'are gone after %s, but for the one without a name',
    async (all) => {
      const [named, unnamed] = [parse('SELECT 1', 's'), parse('SELECT 1')]
      expect(await client.ask([named, unnamed, sync])).toBe('1 1 Z(I)')
      const drop = [parse(all, 'drop'), bind([], 'drop', 'p'), execute(0, 'p')]
      expect(await client.ask([...drop, bind(), execute(), bind([], 's'), sync])).toBe(
        '1 2 C 2 D C E(26000) Z(I)',
      )
    },
  )

  it('are not there when their Parse was skipped', async () => {
    expect(await client.ask([parse('SELEC'), parse('SELECT 1', 's'), sync])).toBe('E(42601) Z(I)')
    expect(await client.ask([bind([], 's'), execute(), sync])).toBe('E(26000) Z(I)')
  })

  it('without a name are known on both servers, and gone after a simple query', async () => {
    expect(await client.ask([parse('SELECT 1'), sync])).toBe('1 Z(I)')
    await client.ask([parse('INSERT INTO item VALUES (11)', 's'), bind([], 's'), execute(), sync])
    expect(await client.ask([bind(), execute(), sync])).toBe('2 D C Z(I)')
    await client.ask([query('SELECT 2')])
    expect(await client.ask([bind(), execute(), sync])).toBe('E(26000) Z(I)')
  })

  it('made by SQL’s PREPARE forward at EXECUTE, and move with the transaction', async () => {
    await client.ask([query('PREPARE ins (int) AS INSERT INTO item VALUES ($1)')])
    await client.ask([query('PREPARE sel AS SELECT count(*) FROM item')])
    expect(rig.endpoint.crossings().total).toBe(0)
    expect(await client.ask([query('EXECUTE ins(11)')])).toBe('C Z(I)')
    expect(rig.endpoint.crossings().total).toBe(1)
    await client.ask([query('BEGIN')])
    expect(await client.ask([parse('EXECUTE ins(12)'), bind(), execute(), sync])).toBe('1 2 C Z(T)')
    expect(await client.ask([query('EXECUTE sel')])).toBe('T D C Z(T)')
    await client.ask([query('COMMIT')])
    expect(await count()).toBe(12)
    expect(await client.ask([query('EXECUTE ins(20); ROLLBACK; BEGIN READ ONLY')])).toBe('C C C Z(T)')
    expect(await client.ask([query('EXECUTE ins(21)')])).toBe('E(25006) Z(E)')
    expect(await client.ask([query('ROLLBACK; BEGIN READ ONLY; EXECUTE ins(22)')])).toBe('C C E(25006) Z(E)')
    await client.ask([query('ROLLBACK')])
    expect(await client.ask([query('DEALLOCATE ins')])).toBe('C Z(I)')
    expect(await client.ask([query('EXECUTE ins(13)')])).toBe('E(26000) Z(I)')
    expect(await client.ask([query('PREPARE ins AS SELECT 1')])).toBe('C Z(I)')
    expect(await client.ask([query('EXECUTE ins')])).toBe('T D C Z(I)')
    expect(await client.ask([query('DISCARD ALL')])).toBe('C Z(I)')
    expect(await client.ask([query('EXECUTE sel')])).toBe('E(26000) Z(I)')
  })
})
