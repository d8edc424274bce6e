import type { Failure } from './failure.ts'
import { Frame } from './frame.ts'

/** One BEGIN…COMMIT on one connection, and what has become of it. */
export class RootTransaction extends Frame {
  readonly root: RootTransaction = this
  readonly parent = undefined
  readonly word = 'transaction'
  readonly #swallowedBy: Frame[] = []
  #failure: Failure | undefined

  /** The first failure: from then on the transaction can only be rolled back. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** The scopes, innermost first, whose callback succeeded although something in them had failed. */
  get swallowedBy(): readonly Frame[] {
    return this.#swallowedBy
  }

  /** Only the first failure counts: those after it are its consequences. */
  doom(failure: Failure): void {
    this.#failure ??= failure
  }

  /** Takes note that `frame` came to a good end after the failure, when the failure was its own or its scopes'. */
  noteSwallowed(frame: Frame): void {
    if (this.#failure?.frame.isWithin(frame)) this.#swallowedBy.push(frame)
  }
}
