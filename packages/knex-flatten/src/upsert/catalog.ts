import type { Knex } from 'knex'
import { ask } from './ask.ts'

/** What PostgreSQL knows of a table's uniqueness, and of some columns. */
export interface TableFacts {
  /** The table as PostgreSQL writes it; `undefined`: there is none. */
  readonly table: string | undefined
  readonly isView: boolean
  /** It has triggers that may change a row before it is stored. */
  readonly isRewritten: boolean
  /** The columns asked for: their names, and their types as SQL, `null` for one that is not there. */
  readonly columns: readonly { readonly name: string; readonly type: string | null }[]
  readonly indexes: readonly IndexFacts[]
}

/** A unique index. */
export interface IndexFacts {
  readonly name: string
  /** The columns that are unique together; `null` stands for an expression. */
  readonly columns: readonly (string | null)[]
  /** The rows it is for, as SQL; `null`: all. */
  readonly predicate: string | null
  /** False while it is being built, or where that has failed. */
  readonly valid: boolean
  readonly deferrable: boolean
  readonly nullsNotDistinct: boolean
  /** Equal keys have equal hashes, for certain. */
  readonly hashable: boolean
}

const CATALOGS = ['pg_index', 'pg_class', 'pg_attribute', 'pg_type', 'pg_collation', 'pg_trigger']

/** Types whose default equality is the only one there is, and hashes with it. */
const HASHABLE = [
  ...[
    'bool',
    'bpchar',
    'bytea',
    'char',
    'date',
    'float4',
    'float8',
    'inet',
    'int2',
    'int4',
    'int8',
    'interval',
  ],
  ...['jsonb', 'name', 'numeric', 'oid', 'text', 'time', 'timestamp', 'timestamptz', 'uuid', 'varchar'],
]

// `to_jsonb(i)`: before PostgreSQL 15 there is no such column as indnullsnotdistinct.
const FACTS = `(
  select json_build_object(
    'table', (select oid::regclass::text from pg_class where oid = t.oid),
    'isView', (select relkind = 'v' from pg_class where oid = t.oid),
    'isRewritten', exists (
      -- tgtype: for each row 1, before 2, on insert 4
      select from pg_trigger where tgrelid = t.oid and not tgisinternal and tgtype & 7 = 7
    ),
    'columns', (
      select json_agg(json_build_object('name', c.name, 'type', format_type(a.atttypid, a.atttypmod)) order by c.n)
      from (select n, (parse_ident(identifier))[1] as name from unnest(cast(? as text[])) with ordinality as u (identifier, n)) as c
      left join pg_attribute as a on a.attrelid = t.oid and a.attname = c.name and a.attnum > 0 and not a.attisdropped
    ),
    'indexes', (
      select coalesce(json_agg(json_build_object(
        'name', r.relname,
        'columns', k.columns,
        'predicate', pg_get_expr(i.indpred, i.indrelid),
        'valid', i.indisvalid and i.indisready,
        'deferrable', not i.indimmediate,
        'nullsNotDistinct', coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'true',
        'hashable', k.hashable
      ) order by r.relname), '[]')
      from pg_index as i
      join pg_class as r on r.oid = i.indexrelid
      cross join lateral (
        select
          json_agg(a.attname order by p.n) as columns,
          coalesce(bool_and(y.typtype = 'e' or (y.typnamespace = 'pg_catalog'::regnamespace and y.typname = any (?))), false)
            and coalesce(bool_and(l.collisdeterministic), true) as hashable
        from unnest(i.indkey::int2[], i.indcollation::oid[]) with ordinality as p (attnum, collated, n)
        left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = p.attnum and p.attnum > 0
        left join pg_type as d on d.oid = a.atttypid
        left join pg_type as y on y.oid = case d.typtype when 'd' then d.typbasetype else d.oid end
        left join pg_collation as l on l.oid = p.collated
        where p.n <= i.indnkeyatts
      ) as k
      where i.indrelid = t.oid and i.indisunique
    )
  )::text
  from (select to_regclass(?)::oid as oid) as t
)`

/**
 * Reads from PostgreSQL's catalog what there is to know; `undefined` where this user may not read it.
 *
 * That is asked beforehand: an error would abort a transaction.
 *
 * @param table, columns - quoted identifiers
 */
export async function readFacts(
  on: Knex,
  table: string,
  columns: readonly string[],
): Promise<TableFacts | undefined> {
  const readable = await ask<boolean>(
    on,
    `(select bool_and(has_table_privilege('pg_catalog.' || name, 'select')) from unnest(cast(? as text[])) as name)`,
    [CATALOGS],
  )
  if (!readable) return undefined
  const facts = JSON.parse(await ask<string>(on, FACTS, [[...columns], HASHABLE, table])) as TableFacts
  return { ...facts, table: facts.table ?? undefined }
}
