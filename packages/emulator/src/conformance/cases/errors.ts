import { LOCAL_GUIDE } from '@knex-flatten/sql-support'
import type { ConformanceCase } from '../case.ts'

const reported = { known: 'assumed', source: LOCAL_GUIDE } as const
const command = (sql: string) => `WriteForward command: ${sql}`

/** What an application reads of an error that the writer raised, and what it may do after one. */
export const errorCases: readonly ConformanceCase[] = [
  {
    ...reported,
    id: 'error-context',
    title: 'An error of the writer keeps its SQLSTATE and names the forwarded statement',
    tells: 'errors',
    steps: [
      {
        sql: "INSERT INTO {schema}.item VALUES (1, 'again')",
        expect: { sqlstate: ['23505'], context: command("INSERT INTO {schema}.item VALUES (1, 'again')") },
      },
      {
        sql: 'INSERT INTO {schema}.item VALUES ($1, $2)',
        values: [1, 'again'],
        expect: { sqlstate: ['23505'], context: command('INSERT INTO {schema}.item VALUES ($1, $2)') },
      },
      {
        sql: 'INSERT INTO {schema}.item (id) VALUES (NULL)',
        expect: { sqlstate: ['23502'], context: command('INSERT INTO {schema}.item (id) VALUES (NULL)') },
      },
    ],
  },
  {
    ...reported,
    id: 'error-aborts',
    title: 'An error of the writer aborts the transaction',
    tells: 'transactions',
    steps: [
      { sql: 'BEGIN', expect: {} },
      { sql: "INSERT INTO {schema}.item VALUES (1, 'again')", expect: { sqlstate: ['23505'] } },
      { sql: 'SELECT 1', expect: { sqlstate: ['25P02'] } },
      { sql: 'COMMIT', expect: { tag: 'ROLLBACK' } },
      { sql: 'SELECT 1', expect: { rows: [['1']] } },
    ],
  },
  {
    ...reported,
    id: 'error-at-commit',
    title: 'A deferred constraint fails at COMMIT, and nothing of the transaction remains',
    tells: 'errors',
    setup: [
      'CREATE TABLE {schema}.part (id int PRIMARY KEY, item int REFERENCES {schema}.item DEFERRABLE INITIALLY DEFERRED)',
    ],
    steps: [
      { sql: 'BEGIN', expect: {} },
      { sql: 'INSERT INTO {schema}.part VALUES (1, 99)', expect: { tag: 'INSERT' } },
      { sql: 'COMMIT', expect: { sqlstate: ['23503'], context: command('COMMIT') } },
      { sql: 'SELECT count(*) FROM {schema}.part', expect: { rows: [['0']] } },
    ],
  },
  {
    ...reported,
    id: 'error-of-a-read',
    title: 'An error of the reader itself has no such context',
    tells: 'errors',
    steps: [{ sql: 'SELECT 1 / 0', expect: { sqlstate: ['22012'], context: '' } }],
  },
  {
    ...reported,
    id: 'identity-always',
    title: 'A NULL for a GENERATED ALWAYS column is 428C9, never 23502',
    tells: 'errors',
    setup: ['CREATE TABLE {schema}.counted (id int GENERATED ALWAYS AS IDENTITY, name text)'],
    steps: [
      { sql: "INSERT INTO {schema}.counted VALUES (NULL, 'x')", expect: { sqlstate: ['428C9'] } },
      { sql: "INSERT INTO {schema}.counted (name) VALUES ('x') RETURNING id", expect: { rows: [['1']] } },
    ],
  },
]
