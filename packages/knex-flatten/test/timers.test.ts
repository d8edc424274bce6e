import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CallSite } from '../src/transaction/call-site.ts'
import { RootTransaction } from '../src/transaction/root-transaction.ts'
import { Scope } from '../src/transaction/scope.ts'
import { SiblingQueue } from '../src/transaction/sibling-queue.ts'
import { withinTime } from '../src/transaction/within-time.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const site = new CallSite(() => undefined)
const root = new RootTransaction({}, {}, site)
const scope = () => new Scope(root, {}, site)

it.each(['has had its turn', 'was closed'])(
  'leaves no timer behind that keeps the process, once the queue %s',
  async (how) => {
    const queue = new SiblingQueue(root, 60_000)
    const [first, second] = [scope(), scope()]
    await queue.turn(first)
    const turn = queue.turn(second)
    expect(vi.getTimerCount()).toBe(1)
    if (how === 'was closed') {
      queue.close()
      await expect(turn).rejects.toThrow(/was not opened/)
    } else {
      queue.leave(first)
      await turn
    }
    expect(vi.getTimerCount()).toBe(0)
  },
)

it('gives each that waits its own time, and lets only the scope whose turn it is end it', async () => {
  const queue = new SiblingQueue(root, 1_000)
  const [first, second, third] = [scope(), scope(), scope()]
  await queue.turn(first)
  const waits = [queue.turn(second).catch((error: unknown) => error)]
  await vi.advanceTimersByTimeAsync(600)
  waits.push(queue.turn(third).catch((error: unknown) => error))
  queue.leave(third)
  const settled: unknown[] = []
  for (const wait of waits) void wait.then((outcome) => settled.push(outcome))
  await vi.advanceTimersByTimeAsync(500)
  expect(settled).toEqual([expect.objectContaining({ code: 'FLATTEN_SCOPE_OPEN' })])
  await vi.advanceTimersByTimeAsync(600)
  expect(settled).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
})

it('leaves no timer behind what has settled in time', async () => {
  await withinTime(60_000, Promise.resolve(), () => new Error('late'))
  expect(vi.getTimerCount()).toBe(0)
})
