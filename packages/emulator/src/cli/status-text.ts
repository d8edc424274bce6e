import type { ReaderStatus } from '../forwarding-reader.ts'

/** How things are, in one line of plain ASCII; parts that say nothing are left out of a narrow one. */
export function statusText(status: ReaderStatus, width: number = Infinity): string {
  const { sessions, crossings, refusals, lagMs, lagPaused, latencyMs, faults } = status
  const parts = [
    count(sessions, 'session'),
    count(crossings, 'crossing'),
    count(refusals, 'refusal'),
    lagPaused ? 'lag paused' : `lag ${lagMs} ms`,
    `latency ${latencyMs} ms`,
    ...faults,
  ]
  const whole = parts.join(', ')
  if (whole.length <= width) return whole
  const telling = parts.filter((part) => !/^0 | 0 ms$/.test(part)).join(', ')
  return telling.length <= width ? telling : ''
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
