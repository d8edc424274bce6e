import type { StatementCase } from '../statements.ts'

const reads = { kind: 'select', verdict: 'local', rules: [] } as const

export const READS: readonly StatementCase[] = [
  { ...reads, sql: 'SELECT 1' },
  {
    ...reads,
    sql: 'select * from customers c join orders o on o.customer_id = c.id where c.name like $$A%$$',
  },
  { ...reads, sql: 'SELECT \'INSERT INTO orders\', $$ SAVEPOINT $$, "größe" FROM customers -- FOR UPDATE' },
  { ...reads, sql: '/* SAVEPOINT a; /* nested */ */ SELECT 1' },
  { ...reads, sql: 'WITH c AS (SELECT * FROM customers) SELECT count(*) FROM c' },
  { ...reads, sql: 'SELECT 1 UNION ALL SELECT 2 ORDER BY 1 LIMIT 1' },
  {
    ...reads,
    sql: "SELECT extract(year FROM now()), substring('abc' FROM 1 FOR 2), coalesce(NULL, 1), current_user",
  },
  {
    ...reads,
    sql: 'SELECT pg_catalog.now(), information_schema._pg_truetypid(a, t) FROM pg_attribute a, pg_type t LIMIT 0',
  },
  { ...reads, sql: 'SELECT pg_last_wal_replay_lsn(), pg_is_in_recovery(), txid_current_if_assigned()' },
  { ...reads, sql: "SELECT gen_random_uuid(), random(), currval('numbers') WHERE false" },
  { ...reads, sql: 'SELECT row_number() OVER (ORDER BY id) FROM orders' },
  { ...reads, sql: "SELECT json_build_object('a', 1) -> 'a', (ARRAY[1, 2])[1:2], '{}'::jsonb ? 'x'" },
  { ...reads, sql: 'TABLE customers' },
  { ...reads, sql: "SELECT set_config('app.user', 'ada', true)" },
  { ...reads, sql: 'SELECT lo_open(1, 262144) WHERE false' },
  { sql: 'VALUES (1), (2)', kind: 'values', verdict: 'local', rules: [] },
  { sql: 'EXPLAIN INSERT INTO orders (total) VALUES (1)', kind: 'explain', verdict: 'local', rules: [] },
  { sql: 'EXPLAIN (ANALYZE false) DELETE FROM orders', kind: 'explain', verdict: 'local', rules: [] },
  { sql: 'EXPLAIN ANALYZE SELECT 1', kind: 'explain', verdict: 'local', rules: [] },
  { sql: 'SHOW transaction_isolation', kind: 'show', verdict: 'local', rules: [] },
  { sql: 'PREPARE p AS SELECT $1::int', kind: 'prepare', verdict: 'local', rules: [] },
  {
    sql: 'EXECUTE p(1)',
    setup: ['PREPARE p AS SELECT $1::int'],
    kind: 'execute',
    verdict: 'local',
    rules: [],
  },
  { sql: 'DEALLOCATE ALL', kind: 'deallocate', verdict: 'local', rules: [] },
  { sql: 'DISCARD ALL', kind: 'discard', verdict: 'local', rules: [] },
  { sql: 'CHECKPOINT', kind: 'checkpoint', verdict: 'local', rules: [] },
  { sql: 'UNLISTEN *', kind: 'notification', verdict: 'local', rules: [] },
  { sql: '-- nothing', kind: [], verdict: 'local', rules: [] },
  { sql: ' ; ;', kind: [], verdict: 'local', rules: [] },
]
