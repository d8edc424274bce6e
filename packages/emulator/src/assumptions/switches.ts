import { LOCAL_LIMITS } from '@knex-flatten/sql-support'

/** Something that nobody has published, what it is taken to be, and what it might be instead. */
export interface Switch {
  /** What it is about, in a few words. */
  readonly title: string
  /** What it can be set to; `sqlstate`: any five characters that PostgreSQL could send as one. */
  readonly values: readonly [string, string, ...string[]] | 'sqlstate'
  readonly default: string
  /** What is not known, and what each value means. */
  readonly unknown: string
  /** The page that is silent about it. */
  readonly source: string
}

/**
 * How the emulator behaves where neither AWS nor anybody else says how Aurora does; the assumptions about what is forwarded
 * and what is refused are not among them: the support table has those.
 */
export const switches = {
  'refusal-sqlstate': {
    title: 'The SQLSTATE of a refusal that a plain standby would not make',
    values: 'sqlstate',
    default: '0A000',
    unknown:
      'Neither the SQLSTATE nor the words are published with which savepoints, cursors, LOCK, SET CONSTRAINTS and user-defined functions are refused. 0A000 is PostgreSQL’s feature_not_supported. What a plain standby refuses as well keeps the standby’s own SQLSTATE.',
    source: LOCAL_LIMITS,
  },
} as const satisfies Readonly<Record<string, Switch>>

type Switches = typeof switches

type SwitchId = keyof Switches

/** The value of each switch. */
export type Assumptions = {
  readonly [Id in SwitchId]: Switches[Id]['values'] extends readonly (infer Value)[] ? Value : string
}
