import { afterEach, expect, it, vi } from 'vitest'
import { ReaderSet } from '../../src/routing/reader-set.ts'

const pools = (...busy: number[]) => busy.map((each, index) => ({ busy: each, name: `reader ${index + 1}` }))
const names = (order: { name: string }[]) => order.map(({ name }) => name.at(-1)).join('')

afterEach(() => void vi.restoreAllMocks())
const at = (ms: number) => void vi.spyOn(performance, 'now').mockReturnValue(ms)

it('asks the reader with the fewest busy connections first', () => {
  expect(names(new ReaderSet(pools(3, 1, 2), 1_000).inOrder(true))).toBe('231')
})

it('asks those that are equally busy each in its turn', () => {
  const set = new ReaderSet(pools(0, 0, 0), 1_000)
  const orders = [1, 2, 3, 4].map(() => names(set.inOrder(true)))
  expect(orders).toEqual(['123', '231', '312', '123'])
})

it('leaves one alone that has failed, until it has cooled down', () => {
  const [one, other] = pools(0, 5) as [{ busy: number; name: string }, { busy: number; name: string }]
  const set = new ReaderSet([one, other], 1_000)
  at(5_000)
  set.failed(one)
  expect(names(set.inOrder(true))).toBe('2')
  at(5_999)
  expect(names(set.inOrder(false))).toBe('2')
  at(6_000)
  expect(names(set.inOrder(true))).toBe('12')
})

it('asks those that have failed where nobody else will do', () => {
  const [one] = pools(0) as [{ busy: number; name: string }]
  const set = new ReaderSet([one], 1_000)
  set.failed(one)
  expect(set.inOrder(true)).toEqual([])
  expect(set.inOrder(false)).toEqual([one])
})
