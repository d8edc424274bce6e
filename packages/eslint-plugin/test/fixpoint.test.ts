import { Linter } from 'eslint'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fixpoint } from '../src/calls/fixpoint.ts'
import plugin from '../src/index.ts'

interface Fn {
  readonly name: string
  readonly own: boolean
  readonly calls: Fn[]
}

/** Functions that call each other at random, circles and themselves included. */
const graphs = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc.array(fc.record({ own: fc.boolean(), calls: fc.array(fc.nat({ max: size - 1 }), { maxLength: 4 }) }), {
      minLength: size,
      maxLength: size,
    }),
  )
  .map((given) => {
    const fns: Fn[] = given.map(({ own }, index) => ({ name: `f${index}`, own, calls: [] }))
    for (const [index, { calls }] of given.entries())
      fns[index]!.calls.push(...calls.map((call) => fns[call]!))
    return fns
  })

function reached(fn: Fn, seen = new Set<Fn>()): Set<Fn> {
  if (seen.has(fn)) return seen
  seen.add(fn)
  for (const called of fn.calls) reached(called, seen)
  return seen
}

test('what a function does is all that can be reached from it, in whatever order they are asked', () => {
  fc.assert(
    fc.property(graphs, fc.array(fc.nat({ max: 11 })), (fns, order) => {
      let asked = 0
      const summaries: Fixpoint<Fn, string> = new Fixpoint((fn: Fn) => {
        asked++
        const own = fn.own ? [fn.name] : []
        return [...new Set([...own, ...fn.calls.flatMap((called) => summaries.of(called))])]
      })
      for (const index of [...order, ...fns.keys()]) {
        const fn = fns[index % fns.length]!
        const expected = [...reached(fn)].filter(({ own }) => own).map(({ name }) => name)
        expect([...summaries.of(fn)].toSorted()).toEqual(expected.toSorted())
      }
      expect(asked).toBeLessThanOrEqual(fns.length * 11)
    }),
    { numRuns: 500 },
  )
})

test('functions that call in circles, through objects that grow, come to an end', () => {
  const code = `
    async function dig(context) { await dig({ db: context.db, next: context }); await dig(context.next); await turn(context) }
    async function turn(context) { await dig({ ...context, db: context.next.db }); await context.db.transaction(async () => {}) }
    await dig({ db: trx })`
  const messages = new Linter().verify(code, [plugin.configs.strict], 'file.js')
  expect(messages.map(({ ruleId }) => ruleId)).toEqual(['knex-flatten/no-nested-transaction'])
})
