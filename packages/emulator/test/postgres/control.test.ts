import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/postgres/connect.ts'
import { standbyCatchesUp } from '../../src/postgres/replication.ts'
import { runProgram } from '../../src/postgres/run-program.ts'
import { startServers, type LocalServers } from '../../src/postgres/start-servers.ts'

const heard: string[] = []
let servers: LocalServers

beforeAll(async () => {
  servers = await startServers({ onProgress: (step) => heard.push(step) })
  await ask('primary', 'CREATE TABLE kept (n int)')
})
afterAll(() => servers.stop())

const ask = <T = any>(role: 'primary' | 'standby', sql: string): Promise<T> =>
  withConnection(servers[role], async (client) => (await client.query<any>(sql)).rows[0] as T)
const insert = (n: number) => ask('primary', `INSERT INTO kept VALUES (${n})`)
const kept = async (role: 'primary' | 'standby') =>
  (await ask(role, 'SELECT array_agg(n ORDER BY n) AS all FROM kept')).all
const postmaster = (role: 'primary' | 'standby'): Promise<number> =>
  ask(role, `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`).then(({ pid }) => pid)
const endOf = (client: { on(event: 'end', listener: () => void): unknown }) =>
  new Promise<void>((resolve) => client.on('end', resolve))

describe('servers of our own', () => {
  it.each(['primary', 'standby'] as const)('restart: the %s keeps its port and its data', async (role) => {
    const [{ port }, pid] = [servers[role], await postmaster(role)]
    await insert(1)
    await servers.control!.restart(role)
    expect(servers[role].port).toBe(port)
    expect(await postmaster(role)).not.toBe(pid)
    await insert(2)
    await standbyCatchesUp(servers)
    expect(await kept('standby')).toEqual(await kept('primary'))
  })

  it('crash: what was committed is there again, and nothing of the old server is left', async () => {
    await ask('primary', 'TRUNCATE kept')
    await insert(1)
    const pid = await postmaster('primary')
    const cluster = await ask('primary', 'SELECT system_identifier::text AS id FROM pg_control_system()')
    await withConnection(servers.primary, async (open) => {
      await open.query("BEGIN; INSERT INTO kept VALUES (2); SET LOCAL statement_timeout = '90s'")
      const ended = endOf(open)
      // A backend that is busy does not see by itself that its postmaster has died.
      open.query('DO $$ BEGIN LOOP END LOOP; END $$').catch(() => undefined)
      await servers.control!.crash('primary')
      await ended
    })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect(await ask('primary', 'SELECT system_identifier::text AS id FROM pg_control_system()')).toEqual(
      cluster,
    )
    expect(await kept('primary')).toEqual([1])
    expect(readFileSync(join(servers.folder, 'primary', 'server.log'), 'utf8')).toContain(
      'was not properly shut down',
    )
    await insert(3)
    await standbyCatchesUp(servers)
    expect(await kept('standby')).toEqual([1, 3])
  })

  it('switch over: the two change places twice, lose nothing, and stream on', async () => {
    await ask('primary', 'TRUNCATE kept')
    const before = { primary: servers.primary, standby: servers.standby }
    const called: string[] = []
    servers.control!.onStandbyReady(async () => void called.push('standby ready'))
    for (const n of [1, 2]) {
      await insert(n)
      await servers.control!.switchover(() => called.push('before promotion'))
      expect(await ask('primary', 'SELECT pg_is_in_recovery() AS recovering')).toEqual({ recovering: false })
      expect(await ask('standby', 'SELECT pg_is_in_recovery() AS recovering')).toEqual({ recovering: true })
      expect(servers.primary).toEqual(n === 1 ? before.standby : before.primary)
      expect(servers.standby).toEqual(n === 1 ? before.primary : before.standby)
      await insert(n + 10)
      await standbyCatchesUp(servers)
      expect(await kept('standby')).toEqual(n === 1 ? [1, 11] : [1, 2, 11, 12])
    }
    expect(called).toEqual(['before promotion', 'standby ready', 'before promotion', 'standby ready'])
  })

  it('switch over without losing what the standby had not replayed yet', async () => {
    await ask('primary', 'TRUNCATE kept')
    await standbyCatchesUp(servers)
    await ask('standby', 'SELECT pg_wal_replay_pause()')
    await insert(1)
    await servers.control!.switchover(() => undefined)
    expect(await kept('primary')).toEqual([1])
  })

  it('do not switch over to a standby that has not received everything', async () => {
    await ask('primary', 'TRUNCATE kept')
    await standbyCatchesUp(servers)
    const before = { primary: servers.primary, standby: servers.standby }
    // So long the primary waits at its end for a standby that is silent.
    await ask('primary', "ALTER SYSTEM SET wal_sender_timeout = '1s'")
    await ask('primary', 'SELECT pg_reload_conf()')
    const { pid } = await ask('standby', 'SELECT pid FROM pg_stat_wal_receiver')
    process.kill(pid, 'SIGSTOP')
    await insert(1)
    await expect(servers.control!.switchover(() => expect.unreachable())).rejects.toMatchObject({
      code: 'EMULATOR_FAULT',
      message: 'The roles were not exchanged: the standby has not received all that the primary has written.',
    })
    process.kill(pid, 'SIGCONT')
    expect({ primary: servers.primary, standby: servers.standby }).toEqual(before)
    await ask('primary', 'ALTER SYSTEM RESET wal_sender_timeout')
    await standbyCatchesUp(servers)
    expect(await kept('standby')).toEqual([1])
  })

  it('are started again when somebody ends them by hand', async () => {
    for (const role of ['primary', 'standby'] as const) {
      heard.length = 0
      process.kill(await postmaster(role), 'SIGQUIT')
      await expect.poll(() => heard.at(-1), { timeout: 20_000 }).toBe(`The ${role} accepts connections again`)
      expect(heard[0]).toMatch(
        new RegExp(
          `^The ${role} has ended \\(\\w+\\) and is started again\\. Its log ends:\n[^]*immediate shutdown`,
        ),
      )
    }
    await insert(5)
    await standbyCatchesUp(servers)
  })

  it('do one thing after another', async () => {
    await Promise.all([
      servers.control!.restart('primary'),
      servers.control!.crash('standby'),
      servers.control!.crash('primary'),
      servers.control!.switchover(() => undefined),
    ])
    await insert(6)
    await standbyCatchesUp(servers)
  })

  it('leave no process behind, whatever was done to them', async () => {
    const other = await startServers()
    await other.control!.crash('primary')
    await other.control!.switchover(() => undefined)
    await withConnection(other.primary, async (open) => {
      const ended = endOf(open)
      const crashing = other.control!.crash('primary')
      await ended
      await other.stop()
      await crashing
    })
    await expect(other.control!.restart('primary')).rejects.toMatchObject({ code: 'EMULATOR_FAULT' })
    const { output } = await runProgram('ps', ['-A', '-o', 'args'])
    expect(output).toContain('ps -A')
    expect(output).not.toContain(other.folder)
  })
})

describe('a server that does not stay up', () => {
  it('is not started again for ever', async () => {
    const steps: string[] = []
    const other = await startServers({ onProgress: (step) => steps.push(step) })
    const killed = async () => {
      const { pid } = await withConnection(other.standby, async (client) => {
        const { rows } = await client.query(
          `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`,
        )
        return rows[0]
      })
      process.kill(pid, 'SIGQUIT')
    }
    for (let times = 1; times <= 3; times++) {
      await killed()
      await expect.poll(() => steps.at(-1), { timeout: 20_000 }).toBe('The standby accepts connections again')
      steps.push('')
    }
    await killed()
    await expect.poll(() => steps.at(-1)).toMatch(/^The standby has ended \(\w+\), 4 times within 60 s/)
    await expect(other.control!.switchover(() => undefined)).rejects.toMatchObject({
      code: 'EMULATOR_FAULT',
      message: 'The roles cannot be exchanged: the standby is down. Call restartStandby() first.',
    })
    await other.control!.restart('standby')
    await withConnection(other.standby, (client) => client.query('SELECT 1'))
    await other.stop()
  })
})
