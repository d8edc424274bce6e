import type { Block, Step } from './program.ts'

/** How a transaction, or a program, comes out: what its promise settles with. */
export type Outcome =
  | 'value'
  | 'nothing'
  | 'app-error'
  | 'soft-error'
  | 'sql-error'
  | 'rollback-only'
  | 'unexpected-rollback'
  | 'scope-open'
  /** Of Knex alone: PostgreSQL has aborted the transaction, or it is complete. */
  | 'aborted'

export interface Prediction {
  readonly outcome: Outcome
  /** Whether the server is asked to COMMIT. */
  readonly commits: boolean
  /** How many rows are there afterwards. */
  readonly rows: number
  /** How every scope came out, in the order in which they ended. */
  readonly scopes: readonly Outcome[]
}

/** What rows T1–T10 of the feature table say about a program, without any database. */
export function predict(root: Block): Prediction {
  return new Model().run(root)
}

class Model {
  #doomed = false
  #inserted = 0
  readonly #scopes: Outcome[] = []

  run(root: Block): Prediction {
    const outcome = this.#block(root)
    const commits = outcome === 'value'
    return { outcome, commits, rows: commits ? this.#inserted : 0, scopes: this.#scopes }
  }

  /** A root or a scope, from its body to its end. What dooms a scope's root makes no difference to a root. */
  #block(block: Block): Outcome {
    const thrown = this.#body(block)
    if (thrown) return this.#fails(thrown, false)
    // A stray that is asked of a doomed transaction is refused, and so not open.
    const stray = block.stray && !this.#doomed
    switch (block.end) {
      case 'throw':
      case 'rollback-with-error':
        return this.#fails('app-error', stray)
      case 'throw-soft':
        return this.#fails('soft-error', stray)
      case 'rollback':
        this.#doomed = true
        return 'nothing'
      case 'success':
        if (stray) return this.#fails('scope-open', stray)
        return this.#doomed ? 'unexpected-rollback' : 'value'
    }
  }

  #fails(outcome: Outcome, stray: boolean): Outcome {
    if (outcome !== 'soft-error' || stray) this.#doomed = true
    return outcome
  }

  /** What leaves the body as an exception. */
  #body(block: Block): Outcome | undefined {
    for (const step of block.steps) {
      const thrown = this.#step(step)
      if (thrown && !('swallow' in step && step.swallow)) return thrown
    }
    return undefined
  }

  #step(step: Step): Outcome | undefined {
    switch (step.do) {
      case 'insert':
        if (this.#doomed) return 'rollback-only'
        this.#inserted++
        return undefined
      case 'sql-error':
        if (this.#doomed) return 'rollback-only'
        this.#doomed = true
        return 'sql-error'
      case 'throw':
        return step.soft ? 'soft-error' : 'app-error'
      case 'scope':
        return this.#scope(step.block)
      case 'siblings': {
        const [first, second] = step.blocks.map((block) => this.#scope(block))
        return first ?? second
      }
    }
  }

  #scope(block: Block): Outcome | undefined {
    const outcome = this.#doomed ? 'rollback-only' : this.#block(block)
    this.#scopes.push(outcome)
    return outcome === 'value' || outcome === 'nothing' ? undefined : outcome
  }
}
