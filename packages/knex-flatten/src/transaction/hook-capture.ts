import type { Hook } from './hooks.ts'

/** A hook behind COMMIT, as it was registered. */
export interface CapturedHook {
  readonly moment: 'afterCommit' | 'afterCompletion'
  /** The `name` of the scope, or of the transaction itself, that it was registered on; `undefined` where that has none. */
  readonly scope: string | undefined
  /** The `name` of the transaction that is committed. */
  readonly transaction: string | undefined
  /** Where it was registered: `src/orders.ts:12:20`, relative to the working directory. */
  readonly registeredAt: string | undefined
  /** Its failure would only be logged. */
  readonly robust: boolean
  /** It would wait until the reader shows what was committed. */
  readonly whenVisible: boolean
  /** Calls it, as COMMIT would have done. @throws whatever it throws, and an error where it takes longer than its `timeoutMs` */
  readonly run: () => Promise<void>
}

/** Hears of the hooks behind COMMIT when it is their turn. */
export class HookCapture {
  readonly hooks: CapturedHook[] = []
  readonly #run: boolean

  /** @param run - whether they are run all the same. */
  constructor(run: boolean) {
    this.#run = run
  }

  /** @returns whether it is to be run. */
  take({ moment, frame, site, robust, whenVisible }: Hook, run: () => Promise<void>): boolean {
    this.hooks.push({
      moment: moment as CapturedHook['moment'],
      scope: frame.name,
      transaction: frame.root.name,
      registeredAt: site.toString(),
      robust,
      whenVisible,
      run,
    })
    return this.#run
  }
}
