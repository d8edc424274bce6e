import type { CallSite } from './call-site.ts'
import type { Traits } from './frame.ts'
import { Hooks } from './hooks.ts'
import { Unit } from './unit.ts'

/** One BEGIN…COMMIT on one connection, and what has become of it. */
export class RootTransaction extends Unit {
  declare readonly parent: undefined
  readonly root: RootTransaction = this
  readonly word = 'transaction'
  /** Stands for the wrapped instance it was opened on: only its own instance's calls may join it. */
  readonly owner: object
  readonly isolationLevel: string | undefined
  /** It keeps one of the pool's connections from others. */
  onConnection = false
  #hooks: Hooks | undefined

  constructor(owner: object, traits: Traits, site: CallSite) {
    super(undefined, traits, site)
    this.owner = owner
    this.isolationLevel = traits.isolationLevel
  }

  /** What is to be called when it ends; most transactions have nothing. */
  get hooks(): Hooks | undefined {
    return this.#hooks
  }

  addHooks(): Hooks {
    return (this.#hooks ??= new Hooks(this))
  }
}
