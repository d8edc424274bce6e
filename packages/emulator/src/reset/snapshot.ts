import type { Client } from 'pg'
import { EmulatorError } from '../emulator-error.ts'
import {
  putBack,
  relationsIn,
  replaceRows,
  rowsOf,
  tracesOf,
  type Relation,
  type Traces,
} from './contents.ts'
import { endBlockers } from './empty-database.ts'
import { catalogsOf, changedCatalogs, dropAdditions, schemaOf, type Schema } from './schema.ts'

/** A database as it was, kept in this process: nothing is left in the database itself. */
export class Snapshot {
  readonly #schema: Schema
  readonly #relations: readonly Relation[]
  readonly #rows: ReadonlyMap<string, readonly string[]>
  #traces: Traces

  private constructor(
    schema: Schema,
    relations: readonly Relation[],
    rows: ReadonlyMap<string, readonly string[]>,
    traces: Traces,
  ) {
    this.#schema = schema
    this.#relations = relations
    this.#rows = rows
    this.#traces = traces
  }

  /** Remembers what the primary holds now. */
  static async take(client: Client): Promise<Snapshot> {
    return transaction(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async () => {
      const schema = await schemaOf(client)
      const relations = await relationsIn(client)
      const rows = new Map<string, readonly string[]>()
      for (const relation of relations) {
        if (relation.kind === 'table') rows.set(relation.name, await rowsOf(client, relation))
      }
      return new Snapshot(schema, relations, rows, await tracesOf(client, relations))
    })
  }

  /**
   * Puts back what has changed since, and only that. A session that holds a lock on a table is ended; others stay.
   *
   * @returns whether something was dropped
   * @throws EmulatorError `EMULATOR_RESET` if the schema was changed in a way that dropping what is new does not undo
   */
  async restore(client: Client): Promise<boolean> {
    await client.query(endBlockers)
    return transaction(client, 'BEGIN', async () => {
      // No foreign key is checked and no trigger fires; all rows together are as they were.
      await client.query('SET LOCAL session_replication_role = replica')
      const dropped = await this.#restoreSchema(client)
      await this.#restoreContents(client)
      return dropped
    })
  }

  async #restoreSchema(client: Client): Promise<boolean> {
    if (changedCatalogs(this.#schema.catalogs, await catalogsOf(client)).length === 0) return false
    await dropAdditions(client, this.#schema)
    const changed = changedCatalogs(this.#schema.catalogs, await catalogsOf(client))
    if (changed.length === 0) return true
    throw new EmulatorError(
      'EMULATOR_RESET',
      `The schema is not as it was when the snapshot was taken (changed: ${changed.join(', ')}), and only what is new can ` +
        `be dropped. Nothing was reset. Empty the database with reset({ to: 'empty' }), migrate it, and take another snapshot.`,
    )
  }

  async #restoreContents(client: Client): Promise<void> {
    const now = await tracesOf(client, this.#relations)
    const changed = this.#relations.filter(({ kind, name }) => {
      if (kind !== 'sequence') return now.versions.get(name) !== this.#traces.versions.get(name)
      const [is, was] = [now.sequences.get(name)!, this.#traces.sequences.get(name)!]
      return is.last !== was.last || is.called !== was.called
    })
    if (changed.length === 0) return
    for (const relation of changed) {
      const { kind, name } = relation
      if (kind === 'table') await replaceRows(client, relation, this.#rows.get(name)!)
      else if (kind === 'sequence') await putBack(client, name, this.#traces.sequences.get(name)!)
    }
    for (const { kind, name } of changed) {
      if (kind === 'materialized view') await client.query(`REFRESH MATERIALIZED VIEW ${name}`)
    }
    const { versions } = await tracesOf(client, changed)
    this.#traces = { ...this.#traces, versions: new Map([...this.#traces.versions, ...versions]) }
  }
}

async function transaction<T>(client: Client, begin: string, work: () => Promise<T>): Promise<T> {
  await client.query(begin)
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
