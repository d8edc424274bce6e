import { expect, it } from 'vitest'
import type { Faults } from '../../src/faults/faults.ts'
import { useRig } from '../endpoint/rig.ts'

/** How long it goes on: `CHAOS_SECONDS=600` for a long run; `SEED` repeats one. */
const seconds = Number(process.env['CHAOS_SECONDS'] ?? 8)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const clientCount = 8

const rig = useRig({
  once: 'CREATE TABLE ledger (id bigint PRIMARY KEY); CREATE TABLE counter (id int PRIMARY KEY, n int)',
})

/** The same numbers for the same seed. */
function randomFrom(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const disturbances: ((faults: Faults, random: () => number) => Promise<unknown>)[] = [
  (faults) => faults.restartWriter(),
  (faults) => faults.crashWriter(),
  (faults) => faults.restartStandby(),
  (faults) => faults.killForwardedSessions(),
  (faults, random) =>
    faults.loseNextCommitAnswer({ applied: random() < 0.5, severs: random() < 0.5 ? 'writer' : 'client' }),
  (faults) => faults.exhaustSlots().then(() => faults.releaseSlots()),
  (faults) => faults.cutNetwork().then(() => faults.healNetwork()),
  (faults) => faults.switchover(),
]

/** What a client was told of each of its transactions. */
interface Told {
  readonly committed: number[]
  readonly rolledBack: number[]
}

/** Errors that say that nothing took effect. */
const certain = new Set(['57P01', '57P02', '08006', '08001', '25P02', '53300', '57P03', '25P03'])

async function work(client: number, told: Told, goesOn: () => boolean): Promise<void> {
  let next = client
  while (goesOn()) {
    const session = await rig.reader().catch(() => undefined)
    if (!session) continue
    try {
      do {
        await transact(session, next, told)
        next += clientCount
      } while (goesOn())
    } catch {
      // Its connection is gone; what it had not heard of may be either.
      next += clientCount
    }
    await session.end().catch(() => undefined)
  }
}

async function transact(
  session: Awaited<ReturnType<typeof rig.reader>>,
  id: number,
  told: Told,
): Promise<void> {
  const bump = `UPDATE counter SET n = n + 1 WHERE id = ${id % clientCount}`
  const row = `INSERT INTO ledger VALUES (${id})`
  let committed = false
  try {
    if (id % 3 === 0) await session.query(row)
    else {
      await session.query('BEGIN')
      await session.query({ text: row, values: [] })
      await session.query(bump)
      const end = await session.query(id % 3 === 1 ? 'COMMIT' : { text: 'COMMIT', values: [] })
      if (end.command !== 'COMMIT') throw Object.assign(new Error('it was rolled back'), { code: '25P02' })
    }
    committed = true
    told.committed.push(id)
    const { rowCount } = await session.query(`SELECT FROM ledger WHERE id = ${id}`)
    expect(rowCount).toBe(1)
  } catch (error) {
    const { code, severity } = error as { code?: string; severity?: string }
    // One that ends the session says nothing of what was under way in it.
    if (severity === 'ERROR' && certain.has(code ?? '') && !committed) told.rolledBack.push(id)
    if (severity !== 'ERROR') throw error
    await session.query('ROLLBACK')
  }
}

it(
  `loses nothing it has acknowledged, and keeps nothing it has called rolled back, whatever happens (SEED=${seed})`,
  async () => {
    await rig.onPrimary(`INSERT INTO counter SELECT n, 0 FROM generate_series(0, ${clientCount - 1}) AS n`)
    await rig.replicated()
    const random = randomFrom(seed)
    const told: Told = { committed: [], rolledBack: [] }
    let on = true
    const clients = Array.from({ length: clientCount }, (_, client) => work(client, told, () => on))
    let faults = 0
    for (const until = Date.now() + seconds * 1000; Date.now() < until; faults++) {
      const before = told.committed.length
      await disturbances[Math.floor(random() * disturbances.length)]!(rig.endpoint.faults, random)
      // All go on before the next one.
      while (told.committed.length < before + clientCount) await rig.onPrimary('SELECT 1')
    }
    on = false
    await rig.endpoint.faults.heal()
    await Promise.all(clients)

    const rows = new Set((await rig.onPrimary('SELECT id::int FROM ledger')).map(({ id }) => id as number))
    expect(told.committed.filter((id) => !rows.has(id))).toEqual([])
    expect(told.rolledBack.filter((id) => rows.has(id))).toEqual([])
    const [{ bumps }] = await rig.onPrimary('SELECT sum(n)::int AS bumps FROM counter')
    expect(bumps).toBe([...rows].filter((id) => id % 3 !== 0).length)
    const summary = `${faults} faults, ${told.committed.length} committed, ${told.rolledBack.length} rolled back`
    if (process.env['CHAOS_SECONDS'] !== undefined) console.log(`${summary}, ${rows.size} rows, seed ${seed}`)
    expect(faults).toBeGreaterThan(0)
  },
  (seconds + 120) * 1000,
)
