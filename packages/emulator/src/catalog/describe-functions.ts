import { type FunctionCall, readFunctionBody } from '@knex-flatten/sql-support'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { firstOfOthers } from './called-functions.ts'

/** A function that PostgreSQL does not bring along. */
export interface DescribedFunction {
  readonly name: string
  /** The extension that brought it, if one did. */
  readonly extension: string | null
  /** It, or what it calls as far as bodies tell, is PL/pgSQL with an EXCEPTION part. */
  readonly handlesExceptions: boolean
}

interface Row {
  readonly oid: number
  readonly name: string
  readonly extension: string | null
  readonly language: string
  readonly source: string
}

// What stands in pg_catalog counts as PostgreSQL's own, whoever put it there.
const rows = (condition: string) => `
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', p.oid::bigint, 'name', p.proname, 'extension', e.extname, 'language', l.lanname,
    -- A body of SQL's own kind (BEGIN ATOMIC) is not kept as text.
    'source', CASE WHEN p.prosrc = '' AND p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) ELSE p.prosrc END))
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  LEFT JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
  WHERE p.pronamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))
    AND ${condition}`

/**
 * Looks functions up in the catalog, and follows what they call by the names in their bodies.
 * @throws BackendLost
 */
export async function describeFunctions(
  server: Backend,
  oids: readonly number[],
): Promise<DescribedFunction[]> {
  if (oids.length === 0) return []
  const called = await read(server, `p.oid IN (${oids.join(', ')})`)
  const bodies = await withCallees(server, called)
  return called.map(({ name, extension, oid }) => ({
    name,
    extension,
    handlesExceptions: reachesException(oid, bodies),
  }))
}

/**
 * All that the names may mean here, whatever their arguments.
 * @throws BackendLost
 */
export async function routinesNamed(server: Backend, calls: readonly FunctionCall[]): Promise<number[]> {
  const named = calls.map(({ schema, name }) => {
    const place =
      schema === undefined ? 'pg_catalog.pg_function_is_visible(p.oid)' : `n.nspname = ${literal(schema)}`
    return `(p.proname = ${literal(name)} AND ${place})`
  })
  const { rows: found } = await inject(
    server,
    `SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid >= ${firstOfOthers} AND (${named.join(' OR ')})`,
  )
  return found.map(([oid]) => Number(oid))
}

interface Body extends Row {
  readonly handlesExceptions: boolean
  readonly calls: readonly string[]
}

/** The functions and, by name, all that they call in turn. */
async function withCallees(server: Backend, first: readonly Row[]): Promise<ReadonlyMap<number, Body>> {
  const bodies = new Map<number, Body>()
  const asked = new Set<string>()
  for (let fresh = first; fresh.length > 0;) {
    for (const row of fresh) bodies.set(row.oid, { ...row, ...readFunctionBody(row.language, row.source) })
    const names = fresh.flatMap(({ oid }) => bodies.get(oid)!.calls).filter((name) => !asked.has(name))
    for (const name of names) asked.add(name)
    const found =
      names.length > 0 ? await read(server, `p.proname IN (${names.map(literal).join(', ')})`) : []
    fresh = found.filter(({ oid }) => !bodies.has(oid))
  }
  return bodies
}

function reachesException(start: number, bodies: ReadonlyMap<number, Body>): boolean {
  const reached = new Set([start])
  for (const oid of reached) {
    const { handlesExceptions, calls } = bodies.get(oid)!
    if (handlesExceptions) return true
    for (const body of bodies.values()) if (calls.includes(body.name)) reached.add(body.oid)
  }
  return false
}

async function read(server: Backend, condition: string): Promise<Row[]> {
  const { row } = await inject(server, rows(condition))
  return row[0] == null ? [] : (JSON.parse(row[0]) as Row[])
}

/** Read alike whatever standard_conforming_strings says. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
