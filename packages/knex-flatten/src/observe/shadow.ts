import { type Failure, sqlstateOf } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { ObservationLog, Sighting } from './observation-log.ts'

/** What PostgreSQL answers whatever is asked of an aborted transaction. */
const IN_FAILED_TRANSACTION = '25P02'

/**
 * Follows a root that runs as Knex would have it, and keeps in mind what flattening would have made of it: what would have doomed
 * it, and whether anything came to a good end after that.
 */
export class Shadow {
  readonly root: RootTransaction
  readonly #log: ObservationLog
  /** Scopes that have failed, and that nobody around them has taken for a failure of his own; told if the root commits. */
  #undone: Sighting[] = []
  #refused: Failure | undefined
  /** The first that came to another end than it would have after the first failure; told if the root does not commit. */
  #wentOn: Sighting | undefined

  constructor(root: RootTransaction, log: ObservationLog) {
    this.root = root
    this.#log = log
  }

  tell(sighting: Sighting): void {
    this.#log.add(sighting)
  }

  /** What dooms the root if it is flattened, and makes the server refuse everything else until something is undone. */
  statementFailed(failure: Failure): void {
    if (sqlstateOf(failure.error) !== IN_FAILED_TRANSACTION) this.#refused = failure
    this.root.doom(failure)
  }

  /** A statement sent after the first failure was answered; the server's refusal is as good as ours. */
  statementSettled(frame: Frame, sql: string, error?: unknown): void {
    if (sqlstateOf(error) !== IN_FAILED_TRANSACTION) this.#goOn({ frame, sql, error })
  }

  scopeOpened(scope: Frame): void {
    if (this.root.failure) this.#goOn({ frame: scope })
  }

  /** BEGIN or SAVEPOINT was refused, and the callback is run all the same. */
  notOpened(frame: Frame): void {
    const { failure } = this.root
    this.tell({ kind: 'callback-without-transaction', frame, error: failure?.error, sql: failure?.sql })
  }

  scopeFailed(scope: Frame, error: unknown): void {
    const refused = this.#refused?.frame.isWithin(scope) ? this.#refused : undefined
    this.#undone = this.#undone.filter(({ frame }) => !frame.isWithin(scope))
    this.#undone.push({
      kind: 'scope-undone-alone',
      frame: scope,
      error: error ?? refused?.error,
      sql: refused?.sql,
    })
    const kind = error === undefined ? 'scope-rolled-back' : 'scope-failed'
    this.root.doom({ kind, frame: scope, error })
  }

  /** @param open - the scopes in it that had not ended by then. */
  scopeReleased(scope: Frame, open: readonly Frame[]): void {
    if (open.length > 0) this.#leftOpen(scope, open)
    else if (this.root.failure) this.#goOn({ frame: scope })
  }

  committed(open: readonly Frame[]): void {
    const { failure } = this.root
    if (open.length > 0) this.#leftOpen(this.root, open)
    for (const undone of this.#undone) this.tell(undone)
    // Undone by a savepoint that was not Knex's.
    if (failure?.kind === 'statement' && this.#undone.length === 0) {
      this.tell({ kind: 'scope-undone-alone', frame: failure.frame, error: failure.error, sql: failure.sql })
    }
  }

  commitWasRollback(): void {
    const failure = this.#refused ?? this.root.failure
    const frame = failure?.frame ?? this.root
    this.tell({ kind: 'commit-was-rollback', frame, error: failure?.error, sql: failure?.sql })
  }

  /** @param failure - what had gone wrong before the COMMIT, which nobody would have sent then. */
  commitFailed(failure: Failure | undefined): void {
    if (failure) this.#goOn({ frame: this.root })
    this.rolledBack()
  }

  rolledBack(): void {
    if (this.#wentOn) this.tell(this.#wentOn)
  }

  #goOn(seen: Omit<Sighting, 'kind'>): void {
    this.#wentOn ??= { kind: 'went-on-after-failure', ...seen }
  }

  #leftOpen(around: Frame, open: readonly Frame[]): void {
    for (const frame of open) this.tell({ kind: 'scope-left-open', frame })
    this.root.doom({ kind: 'scope-open', frame: around, error: undefined })
  }
}
