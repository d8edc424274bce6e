import fc from 'fast-check'

/** A nested program: what a transaction's body does, step by step, and how the transaction is ended. */
export interface Block {
  readonly form: 'callback' | 'promise' | 'savepoint'
  readonly steps: readonly Step[]
  /** Before it ends, it opens a scope that nobody awaits and that does not end before the root has. */
  readonly stray: boolean
  readonly end: 'success' | 'throw' | 'throw-soft' | 'rollback' | 'rollback-with-error'
}

export type Step =
  /** Inserts a row of its own. */
  | { readonly do: 'insert' }
  /** A statement that PostgreSQL refuses. */
  | { readonly do: 'sql-error'; readonly swallow: boolean }
  /** An application error; a soft one is one that `doomOn` lets pass. */
  | { readonly do: 'throw'; readonly soft: boolean; readonly swallow: boolean }
  | { readonly do: 'scope'; readonly block: Block; readonly swallow: boolean }
  /** Two scopes opened at once; Knex runs them one after another. */
  | { readonly do: 'siblings'; readonly blocks: readonly [Block, Block] }

const swallow = fc.boolean()

const leaf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Step>({ do: 'insert' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sql-error' as const), swallow }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('throw' as const), soft: fc.boolean(), swallow }) },
)

const end: fc.Arbitrary<Block['end']> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('success' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'throw' as const,
      'throw-soft' as const,
      'rollback' as const,
      'rollback-with-error' as const,
    ),
  },
)

const stray = fc.oneof(
  { weight: 9, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
)

const form = fc.constantFrom<Block['form']>('callback', 'promise', 'savepoint')

function blockOfDepth(depth: number): fc.Arbitrary<Block> {
  const nested = depth > 0 ? blockOfDepth(depth - 1) : undefined
  const step: fc.Arbitrary<Step> = nested
    ? fc.oneof(
        { weight: 5, arbitrary: leaf },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('scope' as const), block: nested, swallow }) },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('siblings' as const), blocks: fc.tuple(nested, nested) }),
        },
      )
    : leaf
  return fc.record({ form, steps: fc.array(step, { maxLength: 4 }), stray, end })
}

/** Programs of up to four levels. */
export const program: fc.Arbitrary<Block> = blockOfDepth(3)
