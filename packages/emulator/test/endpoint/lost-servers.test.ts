import { describe, expect, it } from 'vitest'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { bind, errorIn, execute, parse, query, RawClient, shape, sync } from './raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from './rig.ts'

const rig = useRig({ once: itemTable, each: noItems })

describe('a server that goes', () => {
  const kill = (where: 'onPrimary' | 'onStandby', name: string) =>
    rig[where]('SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1', [
      name,
    ])

  it('is reopened at the next write when the primary’s session ended idle', async () => {
    const client = await rig.reader({ application_name: 'idle' })
    await client.query('SET work_mem = 777')
    await client.query('INSERT INTO item VALUES (1)')
    await client.query('SELECT * FROM item')
    await kill('onPrimary', 'idle')
    await client.query("INSERT INTO item VALUES (2, current_setting('work_mem'))")
    expect((await client.query('SELECT * FROM item')).rows.at(-1)).toEqual({ id: 2, name: '777kB' })
  })

  it('fails the transaction that it held, until ROLLBACK', async () => {
    const client = await rig.reader({ application_name: 'held' })
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    await kill('onPrimary', 'held')
    expect((await errorOf(client.query('COMMIT'))).code).toBe('57P01')
    expect((await errorOf(client.query('SELECT 1'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    await client.query('INSERT INTO item VALUES (2)')
    expect((await client.query('SELECT id FROM item')).rows).toEqual([{ id: 2 }])
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual([
      'rolled-back',
      'committed',
    ])
  })

  it('fails the transaction in the extended protocol too, and spares a ROLLBACK the news', async () => {
    const client = await rig.raw({ application_name: 'held' })
    for (const first of [[parse('SELECT 1'), bind(), execute(), sync], [query('ROLLBACK')]]) {
      await client.ask([query('BEGIN')])
      await client.ask([query('INSERT INTO item VALUES (1)')])
      await kill('onPrimary', 'held')
      const answer = await client.ask(first)
      expect(answer).toBe(first.length > 1 ? 'E(57P01) Z(E)' : 'C Z(I)')
      if (first.length > 1) expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    }
  })

  it('fails the statement that it ran', async () => {
    const client = await rig.raw({ application_name: 'ran' })
    await client.ask([query('BEGIN')])
    client.send(query('INSERT INTO item SELECT 1 FROM pg_sleep(600)'))
    while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await kill('onPrimary', 'ran')
    expect(shape(await client.until('Z'))).toBe('E(57P01) Z(E)')
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
  })

  it('ends the session when it is the standby', async () => {
    const client = await rig.raw({ application_name: 'reads' })
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await kill('onStandby', 'reads')
    expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
    const other = await rig.reader()
    await other.query('INSERT INTO item VALUES (1)')
  })

  it('is named where the writer cannot be reached, and reads go on', async () => {
    const endpoint = await rig.endpointWith({
      servers: { ...rig.servers, primary: { host: '127.0.0.1', port: 1 } },
    })
    const client = await RawClient.connect(endpoint, { user: 'postgres' })
    client.send(query('INSERT INTO item VALUES (1)'))
    const { sqlstate, text } = errorIn(await client.until('Z'))!
    expect(sqlstate).toBe('08001')
    expect(text).toContain('writer at 127.0.0.1:1')
    await client.ask([query('BEGIN')])
    expect(await client.ask([parse('INSERT INTO item VALUES (1)'), bind(), execute(), sync])).toBe(
      'E(08001) Z(E)',
    )
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
    client.destroy()
  })

  it('refuses the session by name where the standby cannot be reached', async () => {
    const nowhere = { host: '127.0.0.1', port: 1 }
    const endpoint = await rig.endpointWith({
      servers: { ...rig.servers, primary: nowhere, standby: nowhere },
    })
    const client = new RawClient(endpoint)
    client.send(startupMessage(new Map([['user', 'postgres']])))
    const { sqlstate, text } = errorIn(await client.ended())!
    expect(sqlstate).toBe('08006')
    expect(text).toContain('127.0.0.1:1')
  })
})
