import type { StatementCase } from '../statements.ts'

const refused = { verdict: 'refuse', standby: '25006' } as const
const ddl = { ...refused, kind: 'ddl', rules: ['ddl'] } as const

export const DEFINITIONS: readonly StatementCase[] = [
  { ...ddl, sql: 'CREATE TABLE x (id int DEFAULT nextval($$numbers$$))', words: ['CREATE'] },
  { ...ddl, sql: 'CREATE TABLE IF NOT EXISTS orders (id int)' },
  { ...ddl, sql: 'CREATE TABLE x AS SELECT 1' },
  { ...ddl, sql: 'CREATE UNIQUE INDEX ON orders (total)' },
  { ...ddl, sql: 'CREATE VIEW v AS SELECT double(1)' },
  { ...ddl, sql: 'CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END' },
  { ...ddl, sql: 'CREATE EXTENSION IF NOT EXISTS plpgsql' },
  { ...ddl, sql: 'ALTER TABLE orders ADD COLUMN x int', words: ['ALTER'] },
  { ...ddl, sql: 'DROP TABLE IF EXISTS nowhere', words: ['DROP'] },
  { ...ddl, sql: 'GRANT SELECT ON orders TO PUBLIC', words: ['GRANT'] },
  { ...ddl, sql: 'REVOKE SELECT ON orders FROM PUBLIC', words: ['REVOKE'] },
  { ...ddl, sql: "COMMENT ON TABLE orders IS 'é'" },
  { ...ddl, sql: 'REASSIGN OWNED BY CURRENT_USER TO CURRENT_USER' },
  { ...ddl, sql: "SECURITY LABEL ON TABLE orders IS 'x'" },
  { ...ddl, sql: 'REFRESH MATERIALIZED VIEW totals', words: ['REFRESH'] },
  { sql: 'EXPLAIN CREATE TABLE x AS SELECT 1', kind: 'explain', verdict: 'local', rules: [] },
  {
    ...refused,
    sql: 'EXPLAIN ANALYZE DELETE FROM orders; CREATE SCHEMA x',
    kind: ['explain', 'ddl'],
    rules: ['explain-analyze', 'ddl'],
  },
  {
    ...refused,
    sql: 'SELECT 1 AS a INTO copied FROM orders',
    kind: 'select',
    rules: ['select-into'],
    words: ['INTO'],
  },
  {
    ...refused,
    sql: 'SELECT 1 INTO TEMP copied',
    kind: 'select',
    rules: ['select-into', 'temp-table'],
    words: ['INTO', 'TEMP'],
  },
  { ...refused, sql: 'CREATE TEMP TABLE x (a int)', kind: 'ddl', rules: ['temp-table'], words: ['TEMP'] },
  {
    ...refused,
    sql: 'create temporary table x as select 1',
    kind: 'ddl',
    rules: ['temp-table'],
    words: ['temporary'],
  },
  {
    ...refused,
    sql: 'CREATE TABLE pg_temp.x (a int)',
    kind: 'ddl',
    rules: ['temp-table'],
    words: ['pg_temp.x'],
  },
  {
    ...refused,
    sql: 'TRUNCATE orders, customers',
    kind: 'truncate',
    rules: ['truncate'],
    words: ['TRUNCATE'],
  },
  { ...refused, sql: 'VACUUM orders', kind: 'maintenance', rules: ['maintenance'], words: ['VACUUM'] },
  { ...refused, sql: 'ANALYZE', kind: 'maintenance', rules: ['maintenance'], words: ['ANALYZE'] },
  { ...refused, sql: 'CLUSTER orders USING orders_pkey', kind: 'maintenance', rules: ['maintenance'] },
  { ...refused, sql: 'REINDEX TABLE orders', kind: 'maintenance', rules: ['reindex'] },
]
