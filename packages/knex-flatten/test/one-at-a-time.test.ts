import { afterEach, expect, it, vi } from 'vitest'
import { OneAtATime } from '../src/transaction/one-at-a-time.ts'

afterEach(() => void vi.useRealTimers())

it('leaves no timer behind that would keep a process from ending, once nobody waits', async () => {
  vi.useFakeTimers()
  const turns = new OneAtATime(60_000, () => new Error('stuck'))
  await turns.take()
  const second = turns.take()
  const third = turns.take()
  expect(vi.getTimerCount()).toBe(1)
  turns.give()
  await second
  expect(vi.getTimerCount()).toBe(1)
  turns.give()
  await third
  expect(vi.getTimerCount()).toBe(0)
})
