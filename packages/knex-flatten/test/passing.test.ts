import { ForwardingError } from 'knex-flatten'
import { afterEach, expect, it, vi } from 'vitest'
import { defaultRetry, isPassing, pauseBefore } from '../src/transaction/retry.ts'

afterEach(() => void vi.restoreAllMocks())

const told = (code: string) => Object.assign(new Error('told'), { code, severity: 'ERROR' })

function explained(cause: { code: string }) {
  const details = {
    reason: 'writer-lost',
    statement: '',
    advice: '',
    source: '',
    sqlstate: cause.code,
  } as const
  return new ForwardingError('explained', { ...details, cause })
}

it.each([
  ...['40001', '40P01', '08000', '08001', '08003', '08006', '57P01', '57P02', '57P03'].map((code) =>
    told(code),
  ),
  ...['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].map(
    (code) => Object.assign(new Error(code), { code }),
  ),
  new Error('Connection terminated unexpectedly'),
  new Error('Connection ended unexpectedly'),
  new Error('Client has encountered a connection error and is not queryable'),
  explained(told('57P01')),
])('takes for passing: %s', (error) => {
  expect(isPassing(error)).toBe(true)
})

it.each([
  ...['23505', '40002', '40003', '08007', '57014', '25P02'].map((code) => told(code)),
  explained(told('25006')),
  Object.assign(new Error('wrapped'), { cause: told('40001') }),
  Object.assign(new Error('not of the database'), { code: '40001' }),
  new Error('The Connection terminated of a story'),
  { message: 'Connection terminated unexpectedly' },
  Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }),
  { code: 'ECONNRESET' },
  undefined,
  'Connection terminated',
])('takes for no passing one: %s', (error) => {
  expect(isPassing(error)).toBe(false)
})

it('takes for no passing one what cannot be read', () => {
  const unreadable = Object.defineProperty({}, 'code', { get: () => expect.fail('unreadable') })
  expect(isPassing(unreadable)).toBe(false)
})

it('pauses up to a bound that doubles, to its own bound', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1)
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8].map((retry) => pauseBefore(retry, defaultRetry))
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000])
})
