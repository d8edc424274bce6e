import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { errorOf, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id serial, seen text)', each: noItems })
let client: pg.Client

beforeEach(async () => {
  client = await rig.reader()
})

const mode = 'apg_write_forward.consistency_mode'

async function show(name: string, on: pg.Client = client): Promise<string> {
  return Object.values((await on.query<Record<string, string>>(`SHOW ${name}`)).rows[0]!)[0]!
}

/** The parameter as the primary's session of this client has it. */
async function remote(name: string): Promise<string> {
  const { rows } = await client.query('INSERT INTO item (seen) VALUES (current_setting($1)) RETURNING seen', [
    name,
  ])
  return rows[0].seen
}

describe('what SHOW says', () => {
  it('has Aurora’s defaults, in the largest unit', async () => {
    expect(await show(mode)).toBe('session')
    expect(await show('apg_write_forward.connect_timeout')).toBe('30s')
    expect(await show('apg_write_forward.idle_in_transaction_session_timeout')).toBe('1d')
    expect(await show('apg_write_forward.idle_session_timeout')).toBe('5min')
    expect(await show('apg_write_forward.max_forwarding_connections_percent')).toBe('25')
  })

  it.each([
    [`SET ${mode} = 'SESSION'`, mode, 'session'],
    [`SET ${mode} TO Eventual`, mode, 'eventual'],
    [`set "${mode}" = 'GLOBAL'`, mode, 'global'],
    [`SELECT 1, set_config('${mode}', /* here */ E'GLOBAL'::text, false)`, mode, 'global'],
    ['SET apg_write_forward.connect_timeout = 60', 'apg_write_forward.connect_timeout', '1min'],
    ["SET apg_write_forward.connect_timeout = '1500ms'", 'apg_write_forward.connect_timeout', '2s'],
    ['SET apg_write_forward.idle_session_timeout = 0', 'apg_write_forward.idle_session_timeout', '0'],
    [
      "SET apg_write_forward.idle_session_timeout = ' 1.5 s '",
      'apg_write_forward.idle_session_timeout',
      '1500ms',
    ],
    ["SET apg_write_forward.idle_session_timeout = '2h'", 'apg_write_forward.idle_session_timeout', '2h'],
  ])('says after %s what was set, in its own words', async (sql, name, shown) => {
    await client.query(sql)
    expect(await show(name)).toBe(shown)
    expect(await remote(name)).toBe(shown)
    await client.query('DISCARD ALL')
    // A name, so that it goes by the extended protocol.
    await client.query({ text: sql, name: 'again' })
    expect(await show(name)).toBe(shown)
    expect(await remote(name)).toBe(shown)
  })

  it('answers so as well where a function sets it, behind other statements too', async () => {
    const both = await client.query(`SELECT 1; SELECT set_config('${mode}', 'GLOBAL', false) AS set`)
    expect((both as unknown as pg.QueryResult[])[1]!.rows).toEqual([{ set: 'global' }])
    expect(await remote(mode)).toBe('global')
  })
})

describe('what is refused', () => {
  const outside = 'is outside the valid range for parameter'
  it.each([
    [`SET ${mode} = 'banana'`, '22023', `invalid value for parameter "${mode}": "banana"`],
    [`SET LOCAL ${mode} = ''`, '22023', `invalid value for parameter "${mode}": ""`],
    [
      `SELECT set_config('${mode}', 'banana', false)`,
      '22023',
      `invalid value for parameter "${mode}": "banana"`,
    ],
    [
      "SET apg_write_forward.connect_timeout = 'soon'",
      '22023',
      'invalid value for parameter "apg_write_forward.connect_timeout": "soon"',
    ],
    [
      "SET apg_write_forward.connect_timeout = '5 apples'",
      '22023',
      'invalid value for parameter "apg_write_forward.connect_timeout": "5 apples"',
    ],
    [
      'SET apg_write_forward.idle_session_timeout = -1',
      '22023',
      `-1 ms ${outside} "apg_write_forward.idle_session_timeout" (0 .. 2147483647)`,
    ],
    [
      'SET apg_write_forward.max_forwarding_connections_percent = 50',
      '55P02',
      'parameter "apg_write_forward.max_forwarding_connections_percent" cannot be changed now',
    ],
    [
      "SET apg_write_forward.consistencymode = 'session'",
      '42602',
      'invalid configuration parameter name "apg_write_forward.consistencymode"',
    ],
  ])('answers %s with %s', async (sql, code, message) => {
    for (const query of [sql, { text: sql, values: [] }]) {
      expect(await errorOf(client.query(query as string))).toMatchObject({ code, message })
    }
    expect(await show(mode)).toBe('session')
    expect(await show('apg_write_forward.connect_timeout')).toBe('30s')
  })

  it('says which values there are', async () => {
    expect(await errorOf(client.query(`SET ${mode} = x`))).toMatchObject({
      hint: 'Available values: session, eventual, global, off.',
    })
    expect(await errorOf(client.query("SET apg_write_forward.connect_timeout = '5 apples'"))).toMatchObject({
      hint: 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".',
    })
  })

  it('uses the words of PostgreSQL for a parameter of that kind', async () => {
    const words = async (sql: string, name: string) => {
      const { code, message, hint } = await errorOf(client.query(sql))
      return { code, message: message.replaceAll(name, 'it').replaceAll(/(?<=\(.*) ms/g, ''), hint }
    }
    const [own, alike] = ['apg_write_forward.idle_session_timeout', 'statement_timeout']
    for (const value of ["'soon'", "'5 apples'", '-1', "''", "'99999999999999'"]) {
      expect(await words(`SET ${own} = ${value}`, own)).toEqual(await words(`SET ${alike} = ${value}`, alike))
    }
  })

  it('finds out about a value that was bound, and leaves the one before', async () => {
    const bound = (value: string) => client.query('SELECT set_config($1, $2, false)', [mode, value])
    await bound('eventual')
    expect(await show(mode)).toBe('eventual')
    expect(await errorOf(bound('banana'))).toMatchObject({
      code: '22023',
      message: `invalid value for parameter "${mode}": "banana"`,
    })
    expect(await show(mode)).toBe('eventual')
    expect(await remote(mode)).toBe('eventual')
    await client.query('BEGIN')
    expect(
      await errorOf(client.query("SELECT set_config('apg_write_forward.connect_timeout', 'x' || 1, true)")),
    ).toMatchObject({
      code: '22023',
    })
    expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ code: '25P02' })
    await client.query('ROLLBACK')
    expect(await show('apg_write_forward.connect_timeout')).toBe('30s')
  })

  it('keeps a transaction that is aborted silent about it', async () => {
    await client.query('BEGIN')
    await errorOf(client.query(`SET ${mode} = 'banana'`))
    expect(await errorOf(client.query(`SET ${mode} = 'banana'`))).toMatchObject({ code: '25P02' })
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  })

  it('lets nobody in who asks for a wrong mode at the start', async () => {
    expect(await errorOf(rig.reader({ options: `-c ${mode}=banana` }))).toMatchObject({
      severity: 'FATAL',
      code: '22023',
      message: `invalid value for parameter "${mode}": "banana"`,
      hint: 'Available values: session, eventual, global, off.',
    })
  })
})

describe('inside a transaction', () => {
  it('refuses to change the mode, and aborts the transaction', async () => {
    await client.query('BEGIN')
    expect(await errorOf(client.query(`SET LOCAL ${mode} = 'global'`))).toMatchObject({ code: '25001' })
    expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ code: '25P02' })
    await client.query('ROLLBACK')
    expect(await errorOf(client.query(`BEGIN; RESET ${mode}`))).toMatchObject({ code: '25001' })
    await client.query('ROLLBACK')
    await client.query(`SET ${mode} = 'global'; BEGIN`)
    await client.query('COMMIT')
    expect(await show(mode)).toBe('global')
  })

  it('changes it where that is assumed to be allowed, and takes it back with the transaction', async () => {
    const endpoint = await rig.endpointWith({ assumptions: { 'set-consistency-in-transaction': 'allowed' } })
    client = await rig.reader({ port: endpoint.port })
    const forwards = () => client.query('INSERT INTO item DEFAULT VALUES')
    await client.query('BEGIN')
    await client.query(`SET ${mode} = 'off'`)
    expect(await errorOf(forwards())).toMatchObject({ code: '25006' })
    await client.query('ROLLBACK')
    await forwards()
    await client.query('BEGIN')
    await client.query(`SET LOCAL ${mode} = 'off'`)
    await client.query('COMMIT')
    await forwards()
    await client.query('BEGIN')
    await client.query(`SET ${mode} = 'off'`)
    await client.query('COMMIT')
    expect(await errorOf(forwards())).toMatchObject({ code: '25006' })
  })

  it('takes a misspelt name where that is assumed', async () => {
    const endpoint = await rig.endpointWith({ assumptions: { 'unknown-forwarding-parameter': 'accepted' } })
    client = await rig.reader({ port: endpoint.port })
    await client.query("SET apg_write_forward.consistencymode = 'session'")
    expect(await show('apg_write_forward.consistencymode')).toBe('session')
  })
})

describe('what it goes back to', () => {
  const forwards = () => client.query('INSERT INTO item DEFAULT VALUES')

  it.each(['RESET ALL', 'DISCARD ALL', `RESET ${mode}`, `SET ${mode} TO DEFAULT`])(
    'is the default after %s',
    async (sql) => {
      await client.query(`SET ${mode} = 'off'`)
      expect(await errorOf(forwards())).toMatchObject({ code: '25006' })
      await client.query(sql)
      expect(await show(mode)).toBe('session')
      await forwards()
      await client.query({ text: `SET ${mode} = 'off'`, values: [] })
      expect(await errorOf(forwards())).toMatchObject({ code: '25006' })
      await client.query({ text: sql, values: [] })
      await forwards()
    },
  )

  it('is what the client asked for at its start, then what its role or database has, then the endpoint’s', async () => {
    await rig.onPrimary('DROP ROLE IF EXISTS careful')
    await rig.onPrimary(`CREATE ROLE careful LOGIN; ALTER ROLE careful SET ${mode} = 'off'`)
    await rig.onPrimary('CREATE DATABASE own')
    await rig.onPrimary(`ALTER DATABASE own SET ${mode} = 'eventual'`)
    await rig.replicated()
    const careful = await rig.reader({ user: 'careful' })
    expect(await show(mode, careful)).toBe('off')
    expect(await errorOf(careful.query('INSERT INTO item DEFAULT VALUES'))).toMatchObject({ code: '25006' })
    expect(await show(mode, await rig.reader({ database: 'own' }))).toBe('eventual')
    const asked = await rig.reader({ database: 'own', options: `-c ${mode}=global` })
    await asked.query(`SET ${mode} = 'off'; RESET ALL`)
    expect(await show(mode, asked)).toBe('global')
  })

  it('is the default where a role has a value that is none', async () => {
    await rig.onPrimary('DROP ROLE IF EXISTS careless')
    await rig.onPrimary(
      `CREATE ROLE careless LOGIN; ALTER ROLE careless SET ${mode} = 'banana'; GRANT INSERT ON item TO careless; GRANT USAGE ON SEQUENCE item_id_seq TO careless`,
    )
    await rig.replicated()
    const careless = await rig.reader({ user: 'careless' })
    await careless.query('INSERT INTO item DEFAULT VALUES')
  })
})

describe('pg_settings', () => {
  const rows =
    "SELECT name, setting, unit, vartype, enumvals, context FROM pg_settings WHERE name LIKE 'apg_write_forward.%' ORDER BY name"

  it('has a row for each parameter, whose type shows that it is a real one', async () => {
    await client.query("SET apg_write_forward.idle_session_timeout = '2min'")
    const found = (await client.query(rows)).rows
    expect(found).toHaveLength(5)
    expect(found).toMatchObject([
      { name: 'apg_write_forward.connect_timeout', setting: '30', unit: 's', vartype: 'integer' },
      {
        name: mode,
        setting: 'session',
        unit: null,
        vartype: 'enum',
        enumvals: ['session', 'eventual', 'global', 'off'],
        context: 'user',
      },
      { setting: '86400000', unit: 'ms' },
      { setting: '120000', unit: 'ms' },
      { name: 'apg_write_forward.max_forwarding_connections_percent', setting: '25', context: 'sighup' },
    ])
    expect(await rig.onPrimary(rows)).toHaveLength(5)
    expect(await rig.onStandby(rows)).toHaveLength(5)
  })

  it('is otherwise PostgreSQL’s own, and can still be updated', async () => {
    const all = async (from: string) =>
      (await rig.onPrimary(`SELECT * FROM ${from} ORDER BY name`)).filter(
        ({ name }) => !/^(apg_write_forward|rds)\./.test(name),
      )
    expect(await all('pg_settings')).toEqual(await all('pg_show_all_settings()'))
    expect(
      await rig.onPrimary("UPDATE pg_settings SET setting = '5MB' WHERE name = 'work_mem'; SHOW work_mem"),
    ).toEqual([{ work_mem: '5MB' }])
  })
})
