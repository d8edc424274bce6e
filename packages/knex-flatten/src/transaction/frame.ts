import type { CallSite } from './call-site.ts'
import type { RootTransaction } from './root-transaction.ts'
import type { Unit } from './unit.ts'

/** What a root or a scope was asked to be. */
export interface Traits {
  readonly name?: string | undefined
  readonly readOnly?: boolean | undefined
  /** Of a root; a scope has its root's. */
  readonly isolationLevel?: string | undefined
}

/** What most transactions have inside them. */
const NONE: ReadonlySet<Frame> = new Set()

/** What a root and a scope have in common: a name, a place in the code, a place in the nesting, an end. */
export abstract class Frame {
  readonly name: string | undefined
  readonly site: CallSite
  readonly parent: Frame | undefined
  /** Asked to read only, itself or around it. */
  readonly readOnly: boolean
  #openScopes: Set<Frame> | undefined
  #ended = false

  constructor(parent: Frame | undefined, { name, readOnly = false }: Traits, site: CallSite) {
    this.parent = parent
    this.name = name
    this.readOnly = readOnly || parent?.readOnly === true
    this.site = site
    if (parent) (parent.#openScopes ??= new Set()).add(this)
  }

  /** What was asked to read only, itself or around it, and holds for all that is inside. */
  get readOnlyBy(): Frame | undefined {
    return this.parent?.readOnlyBy ?? (this.readOnly ? this : undefined)
  }

  abstract readonly root: RootTransaction
  /** What PostgreSQL can undo as one, and this is a part of. */
  abstract readonly unit: Unit
  /** `transaction` or `scope`: the word for it in messages. */
  abstract readonly word: string

  get ended(): boolean {
    return this.#ended
  }

  /** The scopes opened directly on this one that have not ended, waiting ones included, in the order they were opened. */
  get openScopes(): ReadonlySet<Frame> {
    return this.#openScopes ?? NONE
  }

  /** True where `ancestor` is this frame or one around it. */
  isWithin(ancestor: Frame): boolean {
    return this === ancestor || this.parent?.isWithin(ancestor) === true
  }

  /** The nearest frame around this one that has ended before it. */
  get endedAround(): Frame | undefined {
    return this.parent?.ended ? this.parent : this.parent?.endedAround
  }

  end(): void {
    this.#ended = true
    if (this.parent) this.parent.#openScopes?.delete(this)
  }

  /** `scope "reserve stock" (opened at src/stock.ts:8:9)` */
  toString(): string {
    const site = this.site.toString()
    return [this.word, this.name && `"${this.name}"`, site && `(opened at ${site})`].filter(Boolean).join(' ')
  }
}
