import type { Knex } from 'knex'

/** Runs a body as the only migration there is. */
export async function migrate(on: Knex, body: (trx: Knex.Transaction) => Promise<void>): Promise<void> {
  await on.migrate.latest({
    migrationSource: {
      getMigrations: async () => ['only'],
      getMigrationName: (name: string) => name,
      getMigration: async () => ({
        up: (trx: Knex) => body(trx as Knex.Transaction),
        down: async () => undefined,
      }),
    },
  })
}
