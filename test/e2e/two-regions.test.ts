import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { mustRun, workspace } from './packed.ts'

/** What every round is to look like, in both Regions, by request: where it ran, and how often it crossed. */
const facts = [
  ['list orders', 'reader (reads)', 0],
  ['place an order', 'reader (forwards)', 7],
  ['place one, look', 'reader (forwards, reads)', 7],
  ['… in a scope', 'reader (forwards, reads)', 7],
  ['… there, look here', 'reader (reads)', 0],
  ['report', 'reader (read-only)', 0],
  ['close the day', 'writer (writer-only)', 4],
] as const

describe('the example of two Regions', () => {
  let output: string

  beforeAll(async () => {
    output = await mustRun('npm', ['run', '--silent', 'demo'], join(workspace, 'examples/two-regions'))
  })

  /** The rows of the table under a title, cell by cell. */
  const rows = (title: string): string[][] => {
    const [, under = ''] = output.split(`\n${title}\n`)
    const [section = ''] = under.split('\n\n')
    const lines = section.split('\n').map((line) => line.trim().split(/ {2,}/))
    return lines.slice(lines.findIndex(([first]) => first === 'request') + 1)
  }

  it.each(['eu', 'us'])(
    'runs every request in the same place, however far the writer is: while it is in %s',
    (writer) => {
      const seen = rows(`The writer is in ${writer}`).map(([request, region, ranOn, crossings]) => [
        ...[request, region, ranOn],
        Number(crossings),
      ])
      const expected = facts.flatMap(([request, ranOn, crossings]) =>
        ['eu', 'us'].map((region) => [request, region, ranOn, crossings]),
      )
      expect(seen).toEqual(expected)
    },
  )

  it('asks both services for everything while the writer moves', () => {
    const asked = rows('The switchover, while everything is asked of both services at once')
    const each = new Set(asked.map(([request, region]) => `${request}, ${region}`))
    for (const [request] of facts)
      for (const region of ['eu', 'us']) expect(each).toContain(`${request}, ${region}`)
  })

  it.each(['eu', 'us'])(
    'shows a request in a scope its own order, and by a token one of the other Region: while the writer is in %s',
    (writer) => {
      const answers = rows(`The writer is in ${writer}`).filter(([request]) => request!.startsWith('…'))
      expect(answers.map((row) => row.at(-1))).toEqual(Array(4).fill('1 order, 1 of its lines'))
    },
  )

  it('loses no order that was acknowledged, and says that all of it was seen', () => {
    expect(output).toMatch(/✓ {2}no order that was acknowledged is lost .* [1-9]\d* acknowledged, 0 lost/)
    expect(output).toContain('All of it was seen.')
    expect(output).not.toContain('✗')
  })
})
