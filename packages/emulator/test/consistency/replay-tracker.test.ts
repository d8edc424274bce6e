import { afterAll, beforeAll, expect, it } from 'vitest'
import { openBackend } from '../../src/backend/open-backend.ts'
import { parseLsn } from '../../src/consistency/lsn.ts'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { ReplayTracker } from '../../src/consistency/replay-tracker.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig()
let lag: ReplayLag
let tracker: ReplayTracker
beforeAll(() => {
  lag = new ReplayLag(rig.servers)
  const parameters = new Map([['user', rig.servers.user]])
  const ignored = { notice: () => undefined, lost: () => undefined }
  tracker = new ReplayTracker(() => openBackend('standby', rig.servers.standby, parameters, ignored))
})
afterAll(async () => {
  tracker.stop()
  await lag.end()
})

const nobody = 0

it('knows to the byte how far the standby is, and of which start of it that is true', async () => {
  await lag.pause()
  const [{ lsn, start }] = await rig.onStandby(
    `SELECT pg_last_wal_replay_lsn()::text AS lsn, extract(epoch FROM pg_postmaster_start_time())::text AS start`,
  )
  const here = parseLsn(lsn)
  expect(tracker.hasReplayed(here, start)).toBe(false)
  const given = new AbortController()
  const beyond = tracker.wait(here + 1n, nobody, given.signal)
  await tracker.wait(here, nobody, new AbortController().signal)
  given.abort(new Error('not replayed'))
  await expect(beyond).rejects.toThrow('not replayed')
  expect(tracker.hasReplayed(here, start)).toBe(true)
  expect(tracker.hasReplayed(here + 1n, start)).toBe(false)
  // A standby that starts again begins to replay before where it was.
  expect(tracker.hasReplayed(here, `${start}, and again`)).toBe(false)
})
