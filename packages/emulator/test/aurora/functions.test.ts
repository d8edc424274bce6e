import { expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { emptyDatabase } from '../../src/reset/empty-database.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig()

const onReader = async (sql: string) => (await (await rig.reader()).query(sql)).rows

/** What the drivers of AWS ask to find out which instance they are on, and which others there are. */
const topology = `
  SELECT server_id, CASE WHEN SESSION_ID OPERATOR(pg_catalog.=) 'MASTER_SESSION_ID' THEN TRUE ELSE FALSE END AS is_writer,
         CPU, COALESCE(REPLICA_LAG_IN_MSEC, 0) AS lag, LAST_UPDATE_TIMESTAMP
    FROM pg_catalog.aurora_replica_status()
   WHERE EXTRACT(EPOCH FROM(pg_catalog.NOW() OPERATOR(pg_catalog.-) LAST_UPDATE_TIMESTAMP)) OPERATOR(pg_catalog.<=) 300
      OR SESSION_ID OPERATOR(pg_catalog.=) 'MASTER_SESSION_ID' OR LAST_UPDATE_TIMESTAMP IS NULL`
const instance = 'SELECT pg_catalog.aurora_db_instance_identifier() as host'
const writerId = `
  SELECT server_id FROM pg_catalog.aurora_replica_status()
   WHERE SESSION_ID OPERATOR(pg_catalog.=) 'MASTER_SESSION_ID'
     AND SERVER_ID OPERATOR(pg_catalog.=) pg_catalog.aurora_db_instance_identifier()`
const isAurora = `
  SELECT (setting LIKE '%aurora_stat_utils%') AS aurora_stat_utils FROM pg_catalog.pg_settings
   WHERE name OPERATOR(pg_catalog.=) 'rds.extensions'`

it('tells drivers the instance they are on', async () => {
  expect(await rig.onPrimary(instance)).toEqual([{ host: 'instance-1' }])
  expect(await onReader(instance)).toEqual([{ host: 'instance-2' }])
  expect(await rig.onPrimary(writerId)).toEqual([{ server_id: 'instance-1' }])
  expect(await onReader(writerId)).toEqual([])
  expect(await onReader(isAurora)).toEqual([{ aurora_stat_utils: true }])
})

it('tells drivers both instances, on the writer as on the reader', async () => {
  const both = [
    expect.objectContaining({ server_id: 'instance-1', is_writer: true, cpu: 0, lag: 0 }),
    expect.objectContaining({ server_id: 'instance-2', is_writer: false, cpu: 0 }),
  ]
  expect(await rig.onPrimary(topology)).toEqual(both)
  expect(await onReader(topology)).toEqual(both)
})

it('leaves out when an instance was updated last on that instance itself', async () => {
  const updated = 'SELECT server_id FROM aurora_replica_status() WHERE last_update_timestamp IS NULL'
  expect(await rig.onPrimary(updated)).toEqual([{ server_id: 'instance-1' }])
  expect(await onReader(updated)).toEqual([{ server_id: 'instance-2' }])
})

it('says how far the reader is behind', async () => {
  const behind = `SELECT reader.replica_lag_in_msec > 0 AS lags, writer.durable_lsn > reader.durable_lsn AS behind
                    FROM aurora_replica_status() reader, aurora_replica_status() writer
                   WHERE reader.session_id <> 'MASTER_SESSION_ID' AND writer.session_id = 'MASTER_SESSION_ID'`
  const lag = new ReplayLag(rig.servers)
  await lag.pause()
  await rig.onPrimary('CREATE TABLE later ()')
  while (!(await rig.onStandby(behind))[0].behind);
  expect(await onReader(behind)).toEqual([{ lags: true, behind: true }])
  await lag.resume()
  await lag.caughtUp()
  expect((await onReader(behind))[0].behind).toBe(false)
})

it('has its functions in a database that is created later, and keeps them when a database is emptied', async () => {
  await rig.onPrimary('CREATE DATABASE later')
  await rig.replicated()
  const later = await rig.reader({ database: 'later' })
  expect((await later.query(instance)).rows).toEqual([{ host: 'instance-2' }])
  await emptyDatabase(rig.servers)
  expect(await onReader(instance)).toEqual([{ host: 'instance-2' }])
})

it('answers to anybody, and the writer’s row is no secret', async () => {
  await rig.onPrimary('CREATE ROLE plain LOGIN')
  await rig.replicated()
  const plain = await rig.reader({ user: 'plain' })
  expect((await plain.query(topology)).rows).toHaveLength(2)
  expect((await plain.query("SELECT setting FROM pg_settings WHERE name = 'work_mem'")).rows).toEqual([
    { setting: '4096' },
  ])
})

it('has a version, no global database, and a list of what it has', async () => {
  const [{ version, server }] = await onReader(
    "SELECT aurora_version() AS version, current_setting('server_version') AS server",
  )
  expect(version.startsWith(`${server.split('.')[0]}.`)).toBe(true)
  expect(await onReader('SELECT count(1)::int AS n FROM aurora_global_db_status()')).toEqual([{ n: 0 }])
  expect(
    await onReader(
      'SELECT server_id, session_id, visibility_lag_in_msec, aws_region FROM aurora_global_db_instance_status()',
    ),
  ).toEqual([])
  expect(
    (await onReader('SELECT "Name" AS name FROM aurora_list_builtins()')).map(({ name }) => name),
  ).toContain('aurora_replica_status')
})

it('keeps the names of the instances when their roles change', async () => {
  await rig.servers.control!.switchover(() => undefined)
  expect(await rig.onPrimary(instance)).toEqual([{ host: 'instance-2' }])
  expect(await rig.onPrimary(writerId)).toEqual([{ server_id: 'instance-2' }])
  expect(await rig.onStandby(instance)).toEqual([{ host: 'instance-1' }])
})
