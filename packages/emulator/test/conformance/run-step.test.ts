import { expect, it } from 'vitest'
import type { Expectation } from '../../src/conformance/index.ts'
import { mismatches, type Seen } from '../../src/conformance/run-step.ts'

const seen: Seen = { rows: [['1', null]], tag: 'UPDATE', ranOn: 'writer' }
const failed: Seen = { sqlstate: '23505', message: 'again', context: 'WriteForward command: X' }

it.each<[string, Expectation, Seen, string[]]>([
  ['success', {}, seen, []],
  ['all that is given', { rows: [['1', null]], tag: 'UPDATE', ranOn: 'writer' }, seen, []],
  ['one of several SQLSTATEs', { sqlstate: ['22023', '23505'] }, failed, []],
  ['an error with its context', { sqlstate: ['23505'], context: 'WriteForward command: X' }, failed, []],
])('takes what is expected for what it is: %s', (_, expected, is, wrong) => {
  expect(mismatches(expected, is)).toEqual(wrong)
})

it.each<[string, Expectation, Seen, string[]]>([
  ['other rows', { rows: [['2', null]] }, seen, ['rows: expected [["2",null]], seen [["1",null]]']],
  ['another command', { tag: 'INSERT' }, seen, ['command: expected INSERT, seen UPDATE']],
  ['the other server', { ranOn: 'reader' }, seen, ['ran on: expected reader, seen writer']],
  ['a server that is not told', { ranOn: 'reader' }, {}, ['ran on: expected reader, seen no telling']],
  ['an error', {}, failed, ['outcome: expected success, seen 23505 again']],
  ['another error', { sqlstate: ['42601'] }, failed, ['outcome: expected 42601, seen 23505 again']],
  ['no error', { sqlstate: ['25006', '0A000'] }, seen, ['outcome: expected 25006 or 0A000, seen success']],
  [
    'another context',
    { sqlstate: ['23505'], context: '' },
    failed,
    ['context: expected nothing, seen WriteForward command: X'],
  ],
])('tells what is not: %s', (_, expected, is, wrong) => {
  expect(mismatches(expected, is)).toEqual(wrong)
})
