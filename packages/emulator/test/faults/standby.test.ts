import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { faultCommands, runFault } from '../../src/faults/fault-list.ts'
import { errorIn, query } from '../endpoint/raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
let lag: ReplayLag
beforeAll(() => {
  lag = new ReplayLag(rig.servers)
})
afterEach(async () => {
  await rig.endpoint.faults.heal()
  await lag.end()
})

const write = (id: number) => `INSERT INTO item VALUES (${id})`
const recovering = 'SELECT pg_is_in_recovery() AS local'

describe('when the standby restarts', () => {
  it('the reader’s sessions end with its words, and new ones are let in when it is back', async () => {
    const [idle, moved] = [await rig.raw(), await rig.raw()]
    await moved.ask([query('BEGIN')])
    await moved.ask([query(write(1))])
    await rig.endpoint.faults.restartStandby()
    expect(errorIn(await idle.ended())?.sqlstate).toBe('57P01')
    expect(errorIn(await moved.ended())?.sqlstate).toBe('57P01')
    const fresh = await rig.reader()
    await fresh.query(write(2))
    expect((await fresh.query('SELECT id FROM item')).rows).toEqual([{ id: 2 }])
  })

  it.each([
    ['a checkpoint', () => rig.onPrimary('CHECKPOINT')],
    ['its own restart', () => rig.endpoint.faults.restartWriter()],
    ['the end of a log file', () => rig.onPrimary('SELECT pg_switch_wal()')],
  ])('a global read needs nothing more of a primary that is idle after %s', async (_, last) => {
    await rig.onPrimary(write(1))
    await last()
    await rig.replicated()
    await rig.onStandby('CHECKPOINT')
    await rig.endpoint.faults.restartStandby()
    const reader = await rig.reader()
    await reader.query("SET apg_write_forward.consistency_mode = 'global'")
    expect((await reader.query('SELECT id FROM item')).rows).toEqual([{ id: 1 }])
  })
})

describe('in a switchover', () => {
  it('the servers change places behind the reader, twice, and nothing committed is lost', async () => {
    const before = { primary: rig.servers.primary, standby: rig.servers.standby }
    const patient = await rig.reader()
    for (const n of [1, 2]) {
      const [old, moved] = [await rig.raw(), await rig.raw()]
      await old.ask([query(write(n))])
      await moved.ask([query('BEGIN')])
      await moved.ask([query(write(50 + n))])
      await rig.endpoint.faults.switchover()
      expect(rig.servers.primary).toEqual(n === 1 ? before.standby : before.primary)
      for (const ended of [old, moved]) expect(errorIn(await ended.ended())?.sqlstate).toBe('57P01')

      const fresh = await rig.reader()
      expect((await fresh.query(recovering)).rows).toEqual([{ local: true }])
      await fresh.query(write(10 + n))
      expect((await fresh.query('SELECT id FROM item ORDER BY id')).rows.map(({ id }) => id)).toEqual(
        n === 1 ? [1, 11] : [1, 2, 11, 12, 21],
      )
      await fresh.query("SET apg_write_forward.consistency_mode = 'global'")
      await rig.onPrimary(write(20 + n))
      expect((await fresh.query(`SELECT id FROM item WHERE id = ${20 + n}`)).rowCount).toBe(1)
      expect(await rig.onPrimary('SELECT state FROM pg_stat_replication')).toEqual([{ state: 'streaming' }])
    }
    await patient.end().catch(() => undefined)
  })

  it('new sessions are told to come back, and a commit in flight has a true answer or none', async () => {
    await rig.onPrimary('CREATE TABLE ledger (n int)')
    let on = true
    const goesOn = () => on
    const acknowledged = new Set<number>()
    const unknown = new Set<number>()
    const refusals = new Set<string>()
    const work = async (worker: number): Promise<void> => {
      for (let n = worker; goesOn();) {
        try {
          const client = await rig.reader()
          do {
            unknown.add(n)
            await client.query(`INSERT INTO ledger VALUES (${n})`)
            unknown.delete(n)
            acknowledged.add(n)
            n += 4
          } while (goesOn())
          await client.end()
        } catch (error) {
          refusals.add((error as { code?: string }).code ?? (error as Error).message)
          n += 4
        }
      }
    }
    const workers = [0, 1, 2, 3].map(work)
    await rig.endpoint.faults.switchover()
    on = false
    await Promise.all(workers)
    const rows = new Set((await rig.onPrimary('SELECT n FROM ledger')).map(({ n }) => n as number))
    expect([...acknowledged].filter((n) => !rows.has(n))).toEqual([])
    expect([...rows].filter((n) => !acknowledged.has(n) && !unknown.has(n))).toEqual([])
    expect(refusals.size).toBeGreaterThan(0)
  })
})

describe('a switchover of a standby that is held back', () => {
  const shown = () => rig.onStandby('SELECT id FROM item ORDER BY id')

  it.each([
    ['paused', () => lag.pause(), () => lag.resume()],
    ['delayed', () => lag.set(60_000), () => lag.set(0)],
  ])('%s: loses nothing, and holds back the new one', async (_, hold, letGo) => {
    await hold()
    await rig.onPrimary(write(1))
    // It does not connect again by itself to a writer that was away.
    await rig.endpoint.faults.crashWriter()
    await rig.onPrimary(write(2))
    expect(await shown()).toEqual([])
    await rig.endpoint.faults.switchover()
    expect(await shown()).toEqual([{ id: 1 }, { id: 2 }])
    await rig.onPrimary(write(3))
    expect(await shown()).toEqual([{ id: 1 }, { id: 2 }])
    await letGo()
    await lag.caughtUp()
    expect(await shown()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  it('that does not come about leaves it held back', async () => {
    await lag.pause()
    const refused = rig.servers.control!.switchover(() => {
      throw new Error('not now')
    })
    await expect(refused).rejects.toThrow('not now')
    await rig.onPrimary(write(1))
    expect(await rig.onStandby('SELECT pg_get_wal_replay_pause_state() AS state')).toEqual([
      { state: 'paused' },
    ])
  })
})

describe('faults by name', () => {
  it('are all there, each with a line about it', () => {
    expect(faultCommands.map(({ name }) => name)).toEqual([
      'restart-writer',
      'crash-writer',
      'restart-standby',
      'kill-forwarded-sessions',
      'lose-next-commit-answer',
      'exhaust-slots',
      'release-slots',
      'cut-network',
      'heal-network',
      'switchover',
    ])
    for (const { does } of faultCommands) expect(does).toMatch(/^\S[^\n]{5,70}\S$/)
  })

  it('can each be made, and each be taken back', async () => {
    const { faults } = rig.endpoint
    const client = await rig.reader()
    await client.query(write(1))
    expect(await runFault(faults, 'kill-forwarded-sessions', [])).toBe('1 forwarded sessions ended')
    await runFault(faults, 'lose-next-commit-answer', ['not-applied', 'client'])
    await runFault(faults, 'exhaust-slots', [])
    await runFault(faults, 'cut-network', [])
    expect(faults.lasting).toEqual(['lose-next-commit-answer', 'exhaust-slots', 'cut-network'])
    await runFault(faults, 'heal-network', [])
    await runFault(faults, 'release-slots', [])
    expect(faults.lasting).toEqual(['lose-next-commit-answer'])
    expect((await errorOf(client.query(write(2)))).message).toContain('terminated')
    expect(await rig.onPrimary('SELECT id FROM item')).toEqual([{ id: 1 }])
    for (const name of ['restart-writer', 'crash-writer', 'restart-standby', 'switchover'])
      await runFault(faults, name, [])
  })

  it.each([
    ['melt-writer', [], "There is no fault 'melt-writer'. Allowed: restart-writer,"],
    ['cut-network', ['now'], "Fault 'cut-network' takes no 'now'."],
    [
      'lose-next-commit-answer',
      [],
      "Fault 'lose-next-commit-answer': what becomes of it is missing; allowed: applied, not-applied.",
    ],
    ['lose-next-commit-answer', ['maybe'], "what becomes of it is 'maybe'; allowed: applied, not-applied."],
  ])('are refused where they do not exist: %s %j', async (name, args, message) => {
    await expect(runFault(rig.endpoint.faults, name, args)).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringContaining(message),
    })
  })
})

it('says that servers which somebody else has started cannot be restarted', async () => {
  const endpoint = await rig.endpointWith({ servers: { ...rig.servers, control: undefined } })
  for (const fault of ['restartWriter', 'crashWriter', 'restartStandby', 'switchover'] as const) {
    await expect(endpoint.faults[fault]()).rejects.toMatchObject({
      code: 'EMULATOR_FAULT',
      message: `${fault}() works on servers that the emulator has started, and these were running before.`,
    })
  }
})
