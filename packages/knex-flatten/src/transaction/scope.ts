import type { CallSite } from './call-site.ts'
import { Frame } from './frame.ts'
import type { RootTransaction } from './root-transaction.ts'

/** A nested transaction flattened into its root: it has a beginning and an end, and nothing on the wire. */
export class Scope extends Frame {
  readonly root: RootTransaction
  readonly parent: Frame
  readonly word = 'scope'

  constructor(parent: Frame, name: string | undefined, site: CallSite) {
    super(name, site)
    this.parent = parent
    this.root = parent.root
    parent.noteOpened(this)
  }

  override end(): void {
    super.end()
    this.parent.noteEnded(this)
  }
}
