import type { Client } from 'pg'

/** A table or a sequence, or a view that keeps its rows. */
export interface Relation {
  readonly kind: 'table' | 'sequence' | 'materialized view'
  /** Quoted, with its schema. */
  readonly name: string
  /** Quoted; without those that are computed. */
  readonly columns: readonly string[]
}

/** What a sequence gives next. */
interface SequenceState {
  readonly last: string
  readonly called: boolean
}

/** What relations held at one moment: enough to see whether they still do. */
export interface Traces {
  /**
   * Of which row versions a table consists. Whatever happens to a row makes another version of it, with another place or
   * another transaction.
   */
  readonly versions: ReadonlyMap<string, string>
  readonly sequences: ReadonlyMap<string, SequenceState>
}

/** The relations that hold data of the user's. */
export async function relationsIn(client: Client): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(`
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
           format('%I.%I', n.nspname, c.relname) AS name,
           ARRAY(SELECT quote_ident(attname) FROM pg_attribute
                  WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum) AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'S', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384
       AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     ORDER BY c.oid`)
  return rows
}

/** One query, because each costs a round trip, and this one is asked between any two tests. */
export async function tracesOf(client: Client, relations: readonly Relation[]): Promise<Traces> {
  const versions = new Map<string, string>()
  const sequences = new Map<string, SequenceState>()
  if (relations.length === 0) return { versions, sequences }
  const parts = relations.map(({ kind, name }, index) =>
    kind === 'sequence'
      ? `SELECT ${index} AS i, last_value::text AS a, is_called::text AS b FROM ${name}`
      : `SELECT ${index} AS i, count(*)::text AS a, sum(hashtextextended(ctid::text || xmin::text, 0))::text AS b FROM ONLY ${name}`,
  )
  const { rows } = await client.query<{ i: number; a: string; b: string | null }>(parts.join('\nUNION ALL '))
  for (const { i, a, b } of rows) {
    const { kind, name } = relations[i]!
    if (kind === 'sequence') sequences.set(name, { last: a, called: b === 'true' })
    else versions.set(name, `${a} ${b}`)
  }
  return { versions, sequences }
}

/** A table's rows as PostgreSQL writes them, which it reads again without loss. */
export async function rowsOf(client: Client, { name }: Relation): Promise<string[]> {
  const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ONLY ${name} t`)
  return rows.map(({ row }) => row)
}

/** Puts a table's rows back. Foreign keys and triggers have to be off. */
export async function replaceRows(
  client: Client,
  { name, columns }: Relation,
  rows: readonly string[],
): Promise<void> {
  await client.query(`DELETE FROM ONLY ${name}`)
  if (rows.length === 0) return
  await client.query(
    `INSERT INTO ${name} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${columns.map((column) => `(r).${column}`).join(', ')} FROM (SELECT t::${name} AS r FROM unnest($1::text[]) t OFFSET 0) u`,
    [rows],
  )
}

export async function putBack(client: Client, name: string, { last, called }: SequenceState): Promise<void> {
  await client.query('SELECT setval($1::regclass, $2, $3)', [name, last, called])
}
