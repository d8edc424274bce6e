import { LOCAL_GUIDE } from '@knex-flatten/sql-support'
import type { ConformanceCase } from '../case.ts'

const documented = { known: 'documented', source: LOCAL_GUIDE } as const

/** The parameters of write forwarding. */
export const parameterCases: readonly ConformanceCase[] = [
  ...['session', 'eventual', 'global'].map((mode) => ({
    ...documented,
    id: `mode-${mode}`,
    title: `apg_write_forward.consistency_mode can be set to ${mode}`,
    tells: 'consistency',
    steps: [
      { sql: `SET apg_write_forward.consistency_mode = '${mode}'`, expect: { tag: 'SET' } },
      { sql: 'SHOW apg_write_forward.consistency_mode', expect: { rows: [[mode]] } },
      {
        sql: "UPDATE {schema}.item SET name = 'new' RETURNING pg_is_in_recovery() AS in_recovery",
        expect: { ranOn: 'writer' as const },
      },
    ],
  })),
  {
    known: 'assumed',
    source: LOCAL_GUIDE,
    id: 'mode-wrong',
    title: 'A consistency mode that does not exist is refused as a wrong value of an enum',
    tells: 'consistency',
    steps: [
      { sql: "SET apg_write_forward.consistency_mode = 'banana'", expect: { sqlstate: ['22023'] } },
      { sql: 'SHOW apg_write_forward.consistency_mode', expect: { rows: [['session']] } },
    ],
  },
]
