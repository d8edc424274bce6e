import type { Frame } from './frame.ts'
import { endedBeforeItsTurn, siblingStillOpen } from './verdicts.ts'

interface Waiting {
  readonly scope: Frame
  readonly since: number
  readonly begin: () => void
  readonly refuse: (error: Error) => void
}

/**
 * Lets the scopes of one transaction run one after another, as Knex does.
 *
 * A scope opened without a callback may be held open by the very code that waits for the next one. Nobody can tell that
 * from a sibling that takes its time, so a queue that has not moved for `patienceMs` refuses those who wait, and the
 * transaction with them, instead of letting them wait for ever.
 */
export class SiblingQueue {
  readonly #parent: Frame
  readonly #patienceMs: number
  readonly #waiting: Waiting[] = []
  #running: Frame | undefined
  #movedAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parent: Frame, patienceMs: number) {
    this.#parent = parent
    this.#patienceMs = patienceMs
  }

  /** Settles when it is the scope's turn. @throws ScopeStillOpenError, RollbackOnlyError */
  async turn(scope: Frame): Promise<void> {
    if (!this.#running) {
      this.#start(scope)
      return
    }
    await new Promise<void>((begin, refuse) => {
      this.#waiting.push({ scope, since: performance.now(), begin, refuse })
      this.#timer ??= setTimeout(() => this.#losePatience(), this.#patienceMs)
    })
  }

  /** The scope has had its turn, or does not want it any more. */
  leave(scope: Frame): void {
    if (this.#running !== scope) return
    this.#running = undefined
    const next = this.#waiting.shift()
    if (!next) return
    this.#start(next.scope)
    next.begin()
    if (this.#waiting.length === 0) this.#stopTimer()
  }

  /** The transaction itself is over: those who wait have waited in vain. */
  close(): void {
    this.#stopTimer()
    for (const { scope, refuse } of this.#waiting.splice(0)) refuse(endedBeforeItsTurn(scope))
  }

  #start(scope: Frame): void {
    this.#running = scope
    this.#movedAt = performance.now()
  }

  #losePatience(): void {
    const now = performance.now()
    const due = ({ since }: Waiting): number => Math.max(since, this.#movedAt) + this.#patienceMs - now
    this.#timer = undefined
    // Those who wait stand in the order they came, so the first that may wait on ends the list of those who may not.
    while (this.#waiting[0] && due(this.#waiting[0]) <= 0) {
      const { scope, refuse } = this.#waiting.shift()!
      const error = siblingStillOpen(scope, this.#running!, this.#patienceMs)
      scope.parent?.unit.doom({ kind: 'scope-open', frame: this.#parent, error })
      refuse(error)
    }
    const [next] = this.#waiting
    if (next) this.#timer = setTimeout(() => this.#losePatience(), due(next))
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
