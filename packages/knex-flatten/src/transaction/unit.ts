import { infoOf, transactionInfoOf } from '../events/info.ts'
import { publish } from '../events/publish.ts'
import type { Failure } from './failure.ts'
import { Frame } from './frame.ts'

/** What PostgreSQL can undo as one: a root, or a scope with a savepoint of its own. Its parts share its fate. */
export abstract class Unit extends Frame {
  readonly unit: Unit = this
  #swallowedBy: Frame[] | undefined
  #failure: Failure | undefined

  /** The first failure here or around: from then on this can only be rolled back. */
  get failure(): Failure | undefined {
    return this.#failure ?? this.parent?.unit.failure
  }

  /** The scopes, innermost first, whose callback succeeded although something in them had failed. */
  get swallowedBy(): readonly Frame[] {
    return this.#swallowedBy ?? []
  }

  /** Only the first failure counts: those after it are its consequences. */
  doom(failure: Failure): void {
    if (this.#failure) return
    this.#failure = failure
    publish('knex-flatten:doom', () => {
      const { frame, kind, error, sql } = failure
      return { transaction: transactionInfoOf(this), in: infoOf(frame), kind, error, sql }
    })
  }

  /** Takes note that `frame` came to a good end after the failure, when the failure was its own or its scopes'. */
  noteSwallowed(frame: Frame): void {
    if (frame !== this && this.#failure?.frame.isWithin(frame)) (this.#swallowedBy ??= []).push(frame)
  }
}
