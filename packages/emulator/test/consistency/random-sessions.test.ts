import type pg from 'pg'
import Cursor from 'pg-cursor'
import { expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import type { ConsistencyMode } from '../../src/settings/forward-settings.ts'
import { useRig } from '../endpoint/rig.ts'

/**
 * Each session appends its own numbers, 1, 2, 3 and so on, and reads everybody's, while the standby is held back at random.
 * `RANDOM_STEPS` and `RANDOM_SEED` make it longer, or the same again.
 */
const steps = Number(process.env['RANDOM_STEPS'] ?? 40)
const seed = Number(process.env['RANDOM_SEED'] ?? Date.now() % 2 ** 31)

const rig = useRig({ once: 'CREATE TABLE entry (session int, n int, PRIMARY KEY (session, n))' })

/** A small generator that gives the same numbers for the same seed. */
function randomFrom(start: number): (below: number) => number {
  let state = start
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const modes: readonly ConsistencyMode[] = ['session', 'eventual', 'global']
const sessions = 9

/** Per session: what was acknowledged, and what was begun. */
const written = Array.from({ length: sessions }, () => ({ acknowledged: 0, begun: 0 }))

const insert = 'INSERT INTO entry (session, n) VALUES ($1, $2)'
const select =
  'SELECT session, max(n) AS last, min(n) AS first, count(*)::int AS count FROM entry GROUP BY session'

async function write(client: pg.Client, self: number, random: (below: number) => number): Promise<void> {
  const mine = written[self]!
  const n = mine.acknowledged + 1
  switch (random(4)) {
    case 0:
      await client.query('BEGIN')
      await client.query(insert, [self, -n])
      await client.query('ROLLBACK')
      return
    case 1:
      mine.begun = n
      await client.query('BEGIN')
      if (random(2) === 0) await client.query(select)
      await client.query(insert, [self, n])
      expect(
        (await client.query('SELECT max(n) AS last FROM entry WHERE session = $1', [self])).rows,
      ).toEqual([{ last: n }])
      await client.query('COMMIT')
      break
    case 2:
      mine.begun = n
      await client.query('SET synchronous_commit = off')
      await client.query(`INSERT INTO entry (session, n) VALUES (${self}, ${n})`)
      await client.query('SET synchronous_commit = on')
      break
    default:
      mine.begun = n
      await client.query({ name: 'append', text: insert, values: [self, n] })
  }
  mine.acknowledged = n
}

interface Seen {
  readonly session: number
  readonly last: number
  readonly first: number
  readonly count: number
}

/** As one result, or through a portal that is opened before a Flush and read behind it. */
async function rowsBy(client: pg.Client, way: number): Promise<Seen[]> {
  if (way === 0) return (await client.query<Seen>(select)).rows
  const cursor = client.query(new Cursor<Seen>(select, []))
  const rows = await cursor.read(sessions)
  await cursor.close()
  return rows
}

async function read(
  client: pg.Client,
  self: number,
  mode: ConsistencyMode,
  before: number[],
  way: number,
): Promise<void> {
  const acknowledged = written.map((each) => each.acknowledged)
  const rows = await rowsBy(client, way)
  const seen = Array.from({ length: sessions }, () => 0)
  for (const { session, last, first, count } of rows) {
    // Nothing that was rolled back, and no number without those before it.
    expect([first, count]).toEqual([1, last])
    expect(last).toBeLessThanOrEqual(written[session]!.begun)
    seen[session] = last
  }
  for (let session = 0; session < sessions; session++) {
    expect(seen[session]).toBeGreaterThanOrEqual(before[session]!)
    if (mode === 'global') expect(seen[session]).toBeGreaterThanOrEqual(acknowledged[session]!)
  }
  if (mode !== 'eventual') expect(seen[self]).toBe(acknowledged[self])
  before.splice(0, sessions, ...seen)
}

async function live(self: number): Promise<void> {
  const random = randomFrom(seed + self)
  const client = await rig.reader()
  const before = Array.from({ length: sessions }, () => 0)
  let mode = modes[self % modes.length]!
  await client.query(`SET apg_write_forward.consistency_mode = '${mode}'`)
  for (let step = 0; step < steps; step++) {
    const chance = random(20)
    if (chance === 0) {
      mode = modes[random(modes.length)]!
      await client.query(`SET apg_write_forward.consistency_mode = '${mode}'`)
    } else if (chance < 9) await write(client, self, random)
    else await read(client, self, mode, before, random(2))
  }
  await client.end()
}

async function holdBack(lag: ReplayLag, over: { yet: boolean }): Promise<void> {
  const random = randomFrom(seed)
  while (!over.yet) {
    if (random(3) === 0) await lag.set(random(2) * random(20))
    else {
      await lag.pause()
      if (random(2) === 0) await lag.set(random(5))
      await lag.resume()
    }
  }
  await lag.end()
}

it(`never breaks the promise of a mode, whatever the lag (seed ${seed})`, { timeout: 600_000 }, async () => {
  const lag = new ReplayLag(rig.servers)
  const over = { yet: false }
  const holding = holdBack(lag, over)
  try {
    await Promise.all(written.map((_, self) => live(self)))
  } finally {
    over.yet = true
    await holding
  }
  await lag.caughtUp()
  const rows = await rig.onStandby(select)
  expect(rows.reduce<number>((sum, row: { count: number }) => sum + row.count, 0)).toBe(
    written.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
  )
})
