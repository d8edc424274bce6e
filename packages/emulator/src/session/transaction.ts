import type { Mark } from './plan.ts'
import { replaySql, type Replay, type SettingChange } from '../settings/settings.ts'

/** A transaction that the client opened. It begins on the standby, and moves to the primary at its first write. */
export class Transaction {
  /** The client's own BEGIN, with its options. */
  readonly begin: string
  readOnly: boolean
  moved: boolean
  /** Its isolation level keeps the snapshot of its first statement. */
  keepsSnapshot = false
  /** It has that snapshot, on the standby. */
  hasSnapshot = false
  /** Something in it may have changed what the emulator itself goes by. */
  tracked = false
  /** The standby's transaction is still open, because a portal of the client's lives in it. */
  standbyOpen = false
  /** What the client set since BEGIN, to be repeated behind the primary's BEGIN. */
  readonly preamble: Replay[] = []
  /** Settings made in it; those that are not local last if it commits. */
  changes: SettingChange[] = []

  /** What ROLLBACK TO goes back to, innermost last. */
  #savepoints: { readonly name: string; readonly changes: number; readonly readOnly: boolean }[] = []

  constructor(begin: string, readOnly: boolean, moved: boolean) {
    this.begin = begin
    this.readOnly = readOnly
    this.moved = moved
  }
  /** One that the standby has accepted; the primary is given it as well, behind BEGIN. */
  savepoint({ action, name, text }: Extract<Mark, { type: 'savepoint' }>): void {
    this.preamble.push(replaySql(text))
    const { length } = this.changes
    if (action === 'savepoint') {
      this.#savepoints.push({ name, changes: length, readOnly: this.readOnly })
      return
    }
    const at = this.#savepoints.findLastIndex((each) => each.name === name)
    const found = this.#savepoints[at]
    if (!found) return
    if (action === 'release') this.#savepoints.length = at
    else {
      this.#savepoints.length = at + 1
      this.changes.length = found.changes
      this.readOnly = found.readOnly
    }
  }
}
