import { AsyncLocalStorage } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { CallSite } from '../src/transaction/call-site.ts'
import { runInside, runSuspended } from '../src/transaction/context.ts'
import { RootTransaction } from '../src/transaction/root-transaction.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const site = new CallSite(() => undefined)

it.each(['inside one another', 'each beside the last'])(
  'lets transactions that are over be forgotten by those they have started, %s',
  async (how) => {
    const forgotten: WeakRef<object>[] = []
    const next = (left: number): unknown => {
      const owner = {}
      const root = new RootTransaction(owner, {}, site)
      return runInside(root, () => {
        if (left === 0) return AsyncLocalStorage.snapshot()
        forgotten.push(new WeakRef(owner))
        root.end()
        return how === 'inside one another' ? next(left - 1) : runSuspended(owner, () => next(left - 1))
      })
    }
    const alive = next(3)
    // What was looked at in this turn is kept until the next.
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(forgotten.map((one) => one.deref())).toEqual([undefined, undefined, undefined])
    expect(alive).toBeTypeOf('function')
  },
)
