import { knex, objection, postgresJs, typeOrm } from './builders.ts'
import type { Open } from './client.ts'
import { byCursor, nodePostgres, streamed } from './node-postgres.ts'
import { psql } from './psql.ts'
import { psycopg } from './psycopg.ts'

/** What opens one is missing where the program is not installed. */
export const clients: readonly (readonly [name: string, open: Open | undefined])[] = [
  ['node-postgres', nodePostgres()],
  ['node-postgres with named statements', nodePostgres({ named: true })],
  ['pg-query-stream', nodePostgres({ read: streamed })],
  ['pg-cursor', nodePostgres({ read: byCursor })],
  ['postgres.js', postgresJs],
  ['Knex', knex],
  ['Objection', objection],
  ['TypeORM', typeOrm],
  ['psql', psql],
  ['psycopg2', psycopg],
]
