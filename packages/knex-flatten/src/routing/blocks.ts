import { AsyncLocalStorage } from 'node:async_hooks'
import type { ConsistencyMode } from '../options/options.ts'
import { started } from '../transaction/started.ts'
import type { Target } from './choice.ts'

/** What holds for whatever is started inside a block, now or later. */
interface Block {
  readonly onWriter: boolean
  readonly preventsWrites: boolean
  /** What reads on a reader wait for. */
  readonly consistency?: ConsistencyMode | undefined
}

const storage = new AsyncLocalStorage<Block>()
const hints = new WeakMap<object, Target>()
const outside: Block = { onWriter: false, preventsWrites: false }

/** The block that the caller runs in. */
export function blockHere(): Block {
  return storage.getStore() ?? outside
}

/** Runs a function in a block that has this beside what holds already; a builder that it returns is run in it as well. */
export function runInBlock<Result>(block: Partial<Block>, run: () => Result): Result {
  return storage.run({ ...blockHere(), ...block }, () => started(run()) as Result)
}

export function hint(builder: object, target: Target): void {
  hints.set(builder, target)
}

export function hintOf(builder: object): Target | undefined {
  return hints.get(builder)
}
