import createKnex, { type Knex } from 'knex'
import { route } from 'knex-flatten/routing'

/** All that differs between Regions. */
export interface RegionConfig {
  readonly name: string
  readonly readerUrl: string
  readonly writerUrl: string
}

/** One instance for all the service does: what reads stays in the Region, what writes reaches the writer. */
export function connect({ readerUrl, writerUrl }: RegionConfig): Knex {
  const pool = { min: 2, max: 10 }
  return route({
    reader: createKnex({ client: 'pg', connection: readerUrl, pool, log }),
    writer: createKnex({ client: 'pg', connection: writerUrl, pool, log }),
    coolDownMs: 500,
  })
}

/** Connections that a switchover ends are no news here: the requests that they fail tell of it. */
const log = { warn: () => undefined }
