import type { Client } from 'pg'

/** A thing in the schema that can be dropped by its name. */
interface Thing {
  /** Which catalog it is in, and under which number. */
  readonly id: string
  readonly drop: string
}

/** The schema at one moment: enough to see what was added since, and whether anything else has changed. */
export interface Schema {
  readonly things: readonly Thing[]
  /** By catalog, over its rows' versions. */
  readonly catalogs: Readonly<Record<string, string>>
}

/** What of each catalog says that somebody has changed it, and what only says that PostgreSQL has kept statistics. */
const watched: Readonly<Record<string, string>> = {
  schemas: `SELECT xmin::text || ctid::text FROM pg_namespace WHERE oid >= 16384 OR nspname = 'public'`,
  tables: `SELECT concat_ws(' ', oid, relname, relnamespace, relkind, relowner, relacl, relrowsecurity, relforcerowsecurity)
             FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't' AND relnamespace <> 'pg_toast'::regnamespace`,
  columns: `SELECT a.xmin::text || a.ctid::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE attrelid >= 16384 AND relpersistence <> 't' AND relnamespace <> 'pg_toast'::regnamespace`,
  defaults: `SELECT xmin::text || ctid::text FROM pg_attrdef WHERE oid >= 16384`,
  constraints: `SELECT xmin::text || ctid::text FROM pg_constraint WHERE oid >= 16384`,
  functions: `SELECT xmin::text || ctid::text FROM pg_proc WHERE oid >= 16384`,
  triggers: `SELECT xmin::text || ctid::text FROM pg_trigger WHERE oid >= 16384`,
  rules: `SELECT xmin::text || ctid::text FROM pg_rewrite WHERE oid >= 16384`,
  policies: `SELECT xmin::text || ctid::text FROM pg_policy WHERE oid >= 16384`,
  enums: `SELECT xmin::text || ctid::text FROM pg_enum WHERE oid >= 16384`,
  sequences: `SELECT xmin::text || ctid::text FROM pg_sequence WHERE seqrelid >= 16384`,
}

const catalogQuery = Object.entries(watched)
  .map(
    ([name, query]) =>
      `SELECT '${name}' AS name, count(*) || ' ' || coalesce(sum(hashtextextended(v, 0)), 0) AS state FROM (${query}) AS q (v)`,
  )
  .join('\nUNION ALL ')

const thingQuery = `
  SELECT 'n' || oid AS id, format('DROP SCHEMA %I CASCADE', nspname) AS drop FROM pg_namespace
   WHERE oid >= 16384 AND nspname !~ '^pg_'
  UNION ALL
  SELECT 'c' || oid, format('DROP %s %s CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
         WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' WHEN 'i' THEN 'INDEX'
         WHEN 'I' THEN 'INDEX' ELSE 'TABLE' END, oid::regclass)
    FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relpersistence <> 't'
  UNION ALL
  SELECT 'p' || oid, format('DROP %s %s CASCADE', CASE prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE'
         ELSE 'FUNCTION' END, oid::regprocedure)
    FROM pg_proc WHERE oid >= 16384
  UNION ALL
  SELECT 't' || oid, format('DROP TYPE %s CASCADE', oid::regtype)
    FROM pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r') AND typelem = 0`

export async function catalogsOf(client: Client): Promise<Schema['catalogs']> {
  const { rows } = await client.query<{ name: string; state: string }>(catalogQuery)
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]))
}

export async function schemaOf(client: Client): Promise<Schema> {
  const { rows: things } = await client.query<Thing>(thingQuery)
  return { things, catalogs: await catalogsOf(client) }
}

/** The catalogs that are not as they were. */
export function changedCatalogs(before: Schema['catalogs'], now: Schema['catalogs']): string[] {
  return Object.keys(watched).filter((name) => before[name] !== now[name])
}

/** Drops what was created since. */
export async function dropAdditions(client: Client, before: Schema): Promise<void> {
  const known = new Set(before.things.map(({ id }) => id))
  for (;;) {
    // One at a time: with one thing go others, whose names would be gone too.
    const { rows } = await client.query<Thing>(thingQuery)
    const added = rows.find(({ id }) => !known.has(id))
    if (added === undefined) return
    await client.query(added.drop)
  }
}
