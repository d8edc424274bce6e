import type { RuleId, StatementKind, Verdict } from '../src/index.ts'
import { DEFINITIONS } from './statements/definitions.ts'
import { READS } from './statements/reads.ts'
import { SERVER_FEATURES } from './statements/server-features.ts'
import { TRANSACTIONS } from './statements/transactions.ts'
import { WRITES } from './statements/writes.ts'

/** One text and what must be found in it; run here by the classifier, and in test/agreement by a real standby. */
export interface StatementCase {
  readonly sql: string
  /** Sent before it in the same session. */
  readonly setup?: readonly string[]
  /** One kind for each statement of the text. */
  readonly kind: StatementKind | readonly StatementKind[]
  /** The most severe verdict under aws-local. */
  readonly verdict: Verdict
  readonly rules: readonly RuleId[]
  /** The words that the hits underline, in the same order. */
  readonly words?: readonly string[]
  /** What a plain hot standby answers (PostgreSQL 16): an SQLSTATE; left out where it runs the statement. */
  readonly standby?: string
  /** What one of an earlier version answers, where that differs. */
  readonly standbyBefore16?: string
}

/** What the statements talk about; to be made on the primary, and found by the search path. */
export const SCHEMA = `
  CREATE TABLE customers (id serial PRIMARY KEY, name text UNIQUE, "größe" int);
  CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers DEFERRABLE, total int, note text);
  CREATE SEQUENCE numbers;
  CREATE MATERIALIZED VIEW totals AS SELECT 1 AS total;
  CREATE FUNCTION double(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
  CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1';
  INSERT INTO customers (name) VALUES ('Ada'), ('Grace');
`

export const STATEMENTS: readonly StatementCase[] = [
  ...READS,
  ...WRITES,
  ...TRANSACTIONS,
  ...DEFINITIONS,
  ...SERVER_FEATURES,
]
