import type { Block, Step } from './program.ts'

/** How a transaction, or a program, comes out: what its promise settles with. */
export type Outcome =
  'value' | 'nothing' | 'app-error' | 'sql-error' | 'rollback-only' | 'unexpected-rollback'

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
    const thrown = this.#body(root)
    const outcome = this.#end(root, thrown)
    const commits = outcome === 'value'
    return { outcome, commits, rows: commits ? this.#inserted : 0, scopes: this.#scopes }
  }

  /** How a root or scope ends whose body has run; a root dooms nobody, so that here it makes no difference. */
  #end(block: Block, thrown: Outcome | undefined): Outcome {
    if (thrown) return this.#fails(thrown)
    if (block.end === 'throw' || block.end === 'rollback-with-error') return this.#fails('app-error')
    if (block.end === 'rollback') {
      this.#doomed = true
      return 'nothing'
    }
    return this.#doomed ? 'unexpected-rollback' : 'value'
  }

  #fails(outcome: Outcome): Outcome {
    this.#doomed = true
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
        return 'app-error'
      case 'scope':
        return this.#scope(step.block)
      case 'siblings': {
        const [first, second] = step.blocks.map((block) => this.#scope(block))
        return first ?? second
      }
    }
  }

  #scope(block: Block): Outcome | undefined {
    const outcome = this.#doomed ? 'rollback-only' : this.#end(block, this.#body(block))
    this.#scopes.push(outcome)
    return outcome === 'value' || outcome === 'nothing' ? undefined : outcome
  }
}
