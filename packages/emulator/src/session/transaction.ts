import type { Replay, SettingChange } from './settings.ts'

/** A transaction that the client opened. It begins on the standby, and moves to the primary at its first write. */
export class Transaction {
  /** The client's own BEGIN, with its options. */
  readonly begin: string
  readOnly: boolean
  moved: boolean
  /** The standby's transaction is still open, because a portal of the client's lives in it. */
  standbyOpen = false
  /** What the client set since BEGIN, to be repeated behind the primary's BEGIN. */
  readonly preamble: Replay[] = []
  /** Settings made in it; those that are not local last if it commits. */
  changes: SettingChange[] = []

  constructor(begin: string, readOnly: boolean, moved: boolean) {
    this.begin = begin
    this.readOnly = readOnly
    this.moved = moved
  }
}
