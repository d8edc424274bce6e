import pg from 'pg'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { classify, judge } from '@knex-flatten/sql-support'
import { SCHEMA, STATEMENTS } from '../../packages/sql-support/test/statements.ts'
import type { StatementCase } from '../../packages/sql-support/test/statements.ts'

const NAMESPACE = 'agreement'
const REFUSED_ON_STANDBY = ['25006', '0A000']

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${NAMESPACE}` })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** What the standby answers: an SQLSTATE, or nothing where it ran the text. */
function onStandby({ setup = [], sql }: StatementCase): Promise<string | undefined> {
  return withClient(inject('standbyUrl'), async (client) => {
    for (const before of setup) await client.query(before)
    try {
      await client.query(sql)
      return undefined
    } catch (error) {
      return (error as pg.DatabaseError).code
    }
  })
}

describe('the classifier agrees with a real standby', () => {
  beforeAll(async () => {
    const target = await withClient(inject('primaryUrl'), async (client) => {
      await client.query(`DROP SCHEMA IF EXISTS ${NAMESPACE} CASCADE; CREATE SCHEMA ${NAMESPACE}; ${SCHEMA}`)
      const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn() AS lsn')
      return rows[0]!.lsn
    })
    await withClient(inject('standbyUrl'), async (client) => {
      // Before PostgreSQL 19 a server cannot be asked to wait; each question is a round trip, so this does not spin.
      for (let there = false; !there;) {
        const { rows } = await client.query<{ there: boolean }>(
          'SELECT pg_last_wal_replay_lsn() >= $1 AS there',
          [target],
        )
        there = rows[0]!.there
      }
    })
    return () =>
      withClient(inject('primaryUrl'), async (client) => {
        await client.query(`DROP SCHEMA ${NAMESPACE} CASCADE`)
      })
  })

  it.each(STATEMENTS)('on: $sql', async (statement) => {
    const answer = await onStandby(statement)
    const verdicts = classify(statement.sql).map((found) => judge(found, 'aws-local').verdict)

    expect(answer).toBe(statement.standby)
    if (answer !== undefined && REFUSED_ON_STANDBY.includes(answer)) {
      expect(verdicts.some((verdict) => verdict !== 'local')).toBe(true)
    }
  })
})
