import type createKnex from 'knex'
import knex33 from 'knex'
import knex31 from 'knex-3-1'
import knex32 from 'knex-3-2'

/** The versions of Knex whose internals we rely on, each with its factory. */
export const knexVersions: readonly (readonly [version: string, factory: typeof createKnex])[] = [
  ['3.1.0', knex31 as unknown as typeof createKnex],
  ['3.2.10', knex32 as unknown as typeof createKnex],
  ['3.3.0', knex33],
]
