import type { CallSite } from './call-site.ts'
import { Frame, type Traits } from './frame.ts'
import type { RootTransaction } from './root-transaction.ts'
import { Unit } from './unit.ts'

/** A nested transaction flattened into its root: it has a beginning and an end, and nothing on the wire. */
export class Scope extends Frame {
  declare readonly parent: Frame
  readonly root: RootTransaction
  readonly unit: Unit
  readonly word = 'scope'

  constructor(parent: Frame, traits: Traits, site: CallSite) {
    super(parent, traits, site)
    this.root = parent.root
    this.unit = parent.unit
  }
}

/** A nested transaction with a real savepoint, which can be undone alone. Only a writer allows it. */
export class SavepointScope extends Unit {
  declare readonly parent: Frame
  readonly root: RootTransaction
  readonly word = 'scope'

  constructor(parent: Frame, traits: Traits, site: CallSite) {
    super(parent, traits, site)
    this.root = parent.root
  }
}
