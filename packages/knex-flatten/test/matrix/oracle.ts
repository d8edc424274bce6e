import type { Block, Failure, Form, Step } from './program.ts'

/** What a promise settles with: a value, or an error by its kind. */
export type Outcome =
  | 'value'
  /** The application's own error. */
  | 'application'
  /** PostgreSQL's: division by zero, a duplicate key, a foreign key, "current transaction is aborted". */
  | '22012'
  | '23505'
  | '23503'
  | '25P02'
  /** The driver's, for a connection that is gone. */
  | 'lost'
  | 'rollback-only'
  | 'unexpected-rollback'

/** What a program does, in the words of the wire. */
export type Sent =
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'rollback to'
  | 'divide'
  | 'order'
  | `insert ${number}`

export interface Account {
  readonly outcome: Outcome
  /** How every nested transaction came out, in the order in which they ended. */
  readonly scopes: readonly Outcome[]
  /** What the server was sent. */
  readonly sent: readonly Sent[]
  /** The rows that are there afterwards. */
  readonly rows: readonly number[]
}

/** What rows T1 to T11 of the feature table say about a program. */
export function expectFlat(root: Block): Account {
  return new FlatOracle().run(root)
}

/** What Knex itself does with a program, and PostgreSQL with its savepoints. */
export function expectStock(root: Block): Account {
  return new StockOracle().run(root)
}

const statements = {
  sql: { sent: 'divide', error: '22012' },
  unique: { sent: 'insert 0', error: '23505' },
  deferred: { sent: 'order', error: undefined },
} as const

/** A row that was inserted: its id, or what COMMIT will not have. */
type Row = number | 'refused at commit'

/** What both have in common: a body is run step by step, and ended by how it went. */
abstract class Oracle {
  protected readonly sent: Sent[] = []
  protected rows: Row[] = []
  protected lost = false
  readonly #scopes: Outcome[] = []

  run(root: Block): Account {
    this.sent.push('begin')
    const outcome = this.endRoot(this.#body(root))
    return {
      outcome,
      scopes: this.#scopes,
      sent: this.sent,
      rows: this.rows.filter((row) => row !== 'refused at commit').sort((a, b) => a - b),
    }
  }

  /** Sends a statement, or answers it without; returns what it throws. */
  protected abstract statement(sent: Sent | undefined, error: Outcome | undefined): Outcome | undefined
  protected abstract scope(block: Block): Outcome
  protected abstract endRoot(thrown: Outcome | undefined): Outcome

  /** Whoever asks the server for COMMIT is told of what it refuses. */
  protected commit(): Outcome {
    this.sent.push('commit')
    if (!this.rows.includes('refused at commit')) return 'value'
    this.rows = []
    return '23503'
  }

  /** What leaves the body as an exception. */
  protected body(block: Block): Outcome | undefined {
    return this.#body(block)
  }

  #body({ form, steps }: Block): Outcome | undefined {
    for (const step of steps) {
      const thrown = this.#step(step)
      if (thrown && !('swallow' in step && step.swallow)) return thrown
    }
    return keepsBooks(form) ? this.statement(undefined, undefined) : undefined
  }

  #step(step: Step): Outcome | undefined {
    switch (step.do) {
      case 'insert': {
        const thrown = this.statement(`insert ${step.id}`, undefined)
        if (!thrown) this.rows.push(step.id)
        return thrown
      }
      case 'fail':
        return this.#fail(step.how)
      case 'open':
        return step.blocks.map((block) => this.#open(block)).find((outcome) => outcome !== 'value')
    }
  }

  #fail(how: Failure): Outcome | undefined {
    if (how === 'application') return 'application'
    if (how === 'lost') {
      this.lost = true
      return this.statement(undefined, undefined)
    }
    const { sent, error } = statements[how]
    const thrown = this.statement(sent, error)
    if (!thrown) this.rows.push('refused at commit')
    return thrown
  }

  #open(block: Block): Outcome {
    const refused = keepsBooks(block.form) ? this.statement(undefined, undefined) : undefined
    const outcome = refused ?? this.scope(block)
    this.#scopes.push(outcome)
    return outcome
  }
}

/** A migration is looked up before and written down after, by statements that the transcript leaves out. */
function keepsBooks(form: Form): boolean {
  return form === 'migration'
}

/** One BEGIN and one COMMIT; the first failure decides, and nothing is sent behind it. */
class FlatOracle extends Oracle {
  #doomed = false

  protected statement(sent: Sent | undefined, error: Outcome | undefined): Outcome | undefined {
    if (this.#doomed) return 'rollback-only'
    if (sent && !this.lost) this.sent.push(sent)
    const thrown = this.lost ? 'lost' : error
    if (thrown) this.#doomed = true
    return thrown
  }

  protected scope(block: Block): Outcome {
    if (this.#doomed) return 'rollback-only'
    const thrown = this.body(block)
    if (thrown) this.#doomed = true
    return thrown ?? (this.#doomed ? 'unexpected-rollback' : 'value')
  }

  protected endRoot(thrown: Outcome | undefined): Outcome {
    if (!thrown && !this.#doomed) {
      const outcome = this.commit()
      // A COMMIT that was refused may have left the transaction open.
      if (outcome !== 'value') this.sent.push('rollback')
      return outcome
    }
    if (!this.lost) this.sent.push('rollback')
    this.rows = []
    return thrown ?? 'unexpected-rollback'
  }
}

/** A savepoint for every nested transaction; what failed behind it is undone, and PostgreSQL goes on. */
class StockOracle extends Oracle {
  #aborted = false

  protected statement(sent: Sent | undefined, error: Outcome | undefined): Outcome | undefined {
    if (this.lost) return 'lost'
    if (sent) this.sent.push(sent)
    if (this.#aborted) return '25P02'
    if (error) this.#aborted = true
    return error
  }

  protected scope(block: Block): Outcome {
    const refused = this.statement('savepoint', undefined)
    // The callback is run all the same, and its first statement refused by Knex: the transaction is complete.
    if (refused) return refused
    const before = [...this.rows]
    const thrown = this.body(block)
    if (!thrown) return this.statement('release', undefined) ?? 'value'
    if (this.lost) return 'lost'
    this.sent.push('rollback to')
    this.#aborted = false
    this.rows = before
    return thrown
  }

  protected endRoot(thrown: Outcome | undefined): Outcome {
    if (this.lost) {
      this.rows = []
      return 'lost'
    }
    if (!thrown && !this.#aborted) return this.commit()
    this.sent.push(thrown ? 'rollback' : 'commit')
    this.rows = []
    // PostgreSQL answers the COMMIT of an aborted transaction with ROLLBACK, and Knex does not look.
    return thrown ?? 'value'
  }
}
