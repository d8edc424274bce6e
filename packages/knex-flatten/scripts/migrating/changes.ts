import { type Cell, everyCell, programOf } from '../../test/matrix/cells.ts'
import { type Account, expectFlat, expectStock } from '../../test/matrix/oracle.ts'

/** A cell of the matrix and how it comes out on either side. */
export interface Compared {
  readonly cell: Cell
  readonly stock: Account
  readonly flat: Account
}

/** One kind of change, told once for all the cells it is seen in. */
export interface Change {
  readonly title: string
  readonly what: string
  readonly todo: string
  readonly holds: (compared: Compared) => boolean
}

const STATEMENT_REFUSED = 'rollback-only'

export const changes: readonly Change[] = [
  {
    title: "A nested rollback is the whole transaction's",
    what:
      'Knex undoes the nested transaction by its savepoint, and the rest is committed. Without savepoints nothing can be ' +
      'undone alone: the transaction is rolled back, and rejects with `UnexpectedRollbackError` although its callback returned.',
    todo:
      'Let the error through; or find out beforehand what would fail (`getOrCreate`, `tryInsert`); or give that part a ' +
      "transaction of its own (`{ propagation: 'requires-new' }`). On a writer `{ savepoint: true }` keeps the old meaning.",
    holds: ({ stock, flat }) =>
      stock.outcome === 'value' && stock.rows.length > 0 && flat.outcome !== STATEMENT_REFUSED,
  },
  {
    title: 'After a nested rollback the next statement is refused',
    what:
      'The same, where the code goes on after it has swallowed the failure: the next statement is rejected with ' +
      '`RollbackOnlyError` before it is sent, and the transaction with it unless that is swallowed too.',
    todo: 'As above. The error names the scope that failed, and where it was opened.',
    holds: ({ stock, flat }) =>
      stock.outcome === 'value' && stock.rows.length > 0 && flat.outcome === STATEMENT_REFUSED,
  },
  {
    title: 'A COMMIT that stores nothing is no success',
    what:
      'PostgreSQL answers the COMMIT of a transaction with a failed statement with ROLLBACK. Knex resolves all the same, ' +
      "with nothing stored. Flattened, it rejects with `UnexpectedRollbackError`; `cause` is the statement's error.",
    todo: 'Nothing, unless something relied on the silence: the data was never there.',
    holds: ({ stock }) => stock.outcome === 'value' && stock.rows.length === 0,
  },
  {
    title: 'The first failure is told, not "current transaction is aborted"',
    what:
      'After a failed statement PostgreSQL answers every further one with `25P02`, which is what Knex rejects with. ' +
      'Flattened, the next statement is refused before it is sent, with `RollbackOnlyError`, or the end with ' +
      '`UnexpectedRollbackError`. Either way nothing is stored.',
    todo: 'Where code looks for `25P02`, let it look for `FLATTEN_ROLLBACK_ONLY` and `FLATTEN_UNEXPECTED_ROLLBACK`; `cause` is the first failure.',
    holds: ({ stock }) => stock.outcome === '25P02',
  },
  {
    title: 'After a lost connection the loss is told once',
    what:
      'Knex rejects every further statement, and the transaction, with whatever the driver says of a dead connection. ' +
      'Flattened, that is the `cause` of a `RollbackOnlyError` or `UnexpectedRollbackError`. Either way nothing is stored.',
    todo: 'Where code recognises a lost connection by the error, let it look at `cause` too.',
    holds: ({ stock, flat }) => stock.outcome === 'lost' && flat.outcome !== 'lost',
  },
  {
    title: 'The sibling of a failed scope does not run',
    what:
      'Of nested transactions opened at once, which run one after another, those behind a failed one are rejected with ' +
      '`RollbackOnlyError` before they begin: they could not be kept. The transaction comes out as on Knex.',
    todo: "Nothing, unless each one's own result is looked at.",
    holds: ({ stock, flat }) => stock.outcome === flat.outcome,
  },
]

/** Where the outcome of the whole, of a part of it, or the rows are others. */
export function isChanged({ stock, flat }: Compared): boolean {
  return JSON.stringify(told(stock)) !== JSON.stringify(told(flat))
}

function told({ outcome, scopes, rows }: Account): unknown {
  return { outcome, scopes, rows }
}

export function compareAll(): Compared[] {
  return everyCell().map((cell) => {
    const program = programOf(cell)
    return { cell, stock: expectStock(program), flat: expectFlat(program) }
  })
}
