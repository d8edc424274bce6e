import { transactionInfoOf } from '../events/info.ts'
import { traced } from '../events/traced.ts'
import type { CallSite } from './call-site.ts'
import { tellError } from './failure.ts'
import type { Frame } from './frame.ts'
import type { HookCapture } from './hook-capture.ts'
import type { RootTransaction } from './root-transaction.ts'
import { withinTime } from './within-time.ts'

/** How a root has ended, as far as anybody can know. */
export type Outcome = 'committed' | 'rolled-back' | 'unknown'

export type Moment = 'beforeCommit' | 'afterCommit' | 'afterRollback' | 'afterCompletion'

export interface Hook {
  readonly moment: Moment
  readonly run: (argument: never) => unknown
  readonly site: CallSite
  /** Milliseconds it may take. */
  readonly timeoutMs: number
  /** Its failure is only logged. */
  readonly robust: boolean
  /** It waits for the reader to show what was committed. */
  readonly whenVisible: boolean
  /** Where it was registered: undone alone, it is dropped. */
  readonly frame: Frame
}

interface Committed {
  readonly notVisible?: Error | undefined
  readonly capture?: HookCapture | undefined
}

export interface HookFailure {
  readonly hook: Hook
  readonly error: unknown
}

/** `The afterCommit hook registered at src/orders.ts:3:5` */
function nameOf({ moment, site }: Hook): string {
  const place = site.toString()
  return `The ${moment} hook${place ? ` registered at ${place}` : ''}`
}

export function tellHookFailure({ hook, error }: HookFailure): string {
  return `${nameOf(hook)} failed:\n    ${tellError(error)}`
}

/** What is to be called when a root ends: in the order of registration, one after another, each once. */
export class Hooks {
  readonly #root: RootTransaction
  readonly #hooks: Hook[] = []

  constructor(root: RootTransaction) {
    this.#root = root
  }

  add(hook: Hook): void {
    this.#hooks.push(hook)
  }

  /** How long somebody is ready to wait for the reader to show what was committed, milliseconds; 0: nobody asks. */
  get visibleWithinMs(): number {
    return Math.max(
      0,
      ...this.#hooks.filter(({ whenVisible }) => whenVisible).map(({ timeoutMs }) => timeoutMs),
    )
  }

  /** What was registered in a unit that has been undone alone. */
  drop(undone: Frame): void {
    const kept = this.#hooks.filter(({ frame }) => !frame.isWithin(undone))
    this.#hooks.splice(0, this.#hooks.length, ...kept)
  }

  /** Runs what stands before COMMIT, and what that registers in turn; the first failure is thrown. */
  async runBeforeCommit(): Promise<void> {
    for (let hook = this.#next('beforeCommit'); hook; hook = this.#next('beforeCommit')) {
      await this.#call(hook, undefined)
      if (this.#root.failure) return
    }
  }

  /**
   * Runs all of a moment's hooks, whichever fail.
   *
   * @param committed - what there is to know of a COMMIT: `notVisible`, why the reader does not show it, fails those that wait
   * for that; `capture` hears of each, and may keep it from being run
   */
  async runAfter(
    moment: Exclude<Moment, 'beforeCommit'>,
    argument: unknown,
    { notVisible, capture }: Committed = {},
  ): Promise<HookFailure[]> {
    const failures: HookFailure[] = []
    for (let hook = this.#next(moment); hook; hook = this.#next(moment)) {
      try {
        const run = (): Promise<void> => this.#call(hook, argument)
        if (capture && !capture.take(hook, run)) continue
        if (hook.whenVisible && notVisible) throw notVisible
        await run()
      } catch (error) {
        failures.push({ hook, error })
      }
    }
    return failures
  }

  #next(moment: Moment): Hook | undefined {
    const at = this.#hooks.findIndex((hook) => hook.moment === moment)
    return at < 0 ? undefined : this.#hooks.splice(at, 1)[0]
  }

  async #call(hook: Hook, argument: unknown): Promise<void> {
    const late = (): Error =>
      new Error(
        `${nameOf(hook)} did not settle within ${hook.timeoutMs} ms. ` +
          'Let it return a promise that settles, or give it a longer { timeoutMs }.',
      )
    await traced(
      'knex-flatten:hook',
      () => ({
        hook: {
          moment: hook.moment,
          registeredAt: hook.site.toString(),
          transaction: transactionInfoOf(this.#root),
        },
      }),
      async () => withinTime(hook.timeoutMs, hook.run(argument as never), late),
    )
  }
}
