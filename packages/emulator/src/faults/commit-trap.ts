/** What becomes of a commit whose answer is lost. */
export interface LostAnswer {
  /** `true`: the writer has committed, and only its answer was lost; `false`: the writer never got the commit, and rolled back. */
  readonly applied: boolean
  /**
   * Which connection breaks. `writer`, the default: the one from the reader to the writer; the client is told 08007 and its
   * session goes on. `client`: the client's own, without a word.
   */
  readonly severs?: 'writer' | 'client' | undefined
}

/** Waits for the next commit that crosses, of whichever session. */
export class CommitTrap {
  #armed: LostAnswer | undefined

  get armed(): LostAnswer | undefined {
    return this.#armed
  }

  arm(lost: LostAnswer): void {
    this.#armed = lost
  }

  disarm(): void {
    this.#armed = undefined
  }

  /** It strikes once. */
  spring(): LostAnswer | undefined {
    const lost = this.#armed
    this.#armed = undefined
    return lost
  }
}
