import type { CallSite } from './call-site.ts'
import type { RootTransaction } from './root-transaction.ts'
import type { Scope } from './scope.ts'

/** What a root and a scope have in common: a name, a place in the code, a place in the nesting, an end. */
export abstract class Frame {
  readonly name: string | undefined
  readonly site: CallSite
  readonly #openScopes = new Set<Scope>()
  #ended = false

  constructor(name: string | undefined, site: CallSite) {
    this.name = name
    this.site = site
  }

  abstract readonly root: RootTransaction
  abstract readonly parent: Frame | undefined
  /** `transaction` or `scope`: the word for it in messages. */
  abstract readonly word: string

  get ended(): boolean {
    return this.#ended
  }

  /** The scopes opened directly on this one that have not ended, waiting ones included, in the order they were opened. */
  get openScopes(): ReadonlySet<Scope> {
    return this.#openScopes
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
  }

  /** `scope "reserve stock" (opened at src/stock.ts:8:9)` */
  toString(): string {
    const site = this.site.toString()
    return [this.word, this.name && `"${this.name}"`, site && `(opened at ${site})`].filter(Boolean).join(' ')
  }

  noteOpened(scope: Scope): void {
    this.#openScopes.add(scope)
  }

  noteEnded(scope: Scope): void {
    this.#openScopes.delete(scope)
  }
}
