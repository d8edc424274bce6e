import { runInNewContext } from 'node:vm'
import { Linter } from 'eslint'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import plugin from '../../src/index.ts'
import { openedOn, otherShapes, programs } from './generated-code.ts'

const config: Linter.Config = {
  plugins: { 'knex-flatten': plugin },
  rules: Object.fromEntries(
    ['no-nested-transaction', 'no-savepoint', 'no-upsert', 'no-foreign-connection'].map((name) => [
      `knex-flatten/${name}`,
      'error',
    ]),
  ),
}
const linter = new Linter()

/** The reports of a text; `undefined` where it does not parse, by ESLint's own parser, which is stricter than TypeScript's. */
function reportsOf(code: string): Linter.LintMessage[] | undefined {
  const messages = linter.verify(code, [config, { rules: { 'no-undef': 'error' } }])
  return messages.some(({ fatal }) => fatal) ? undefined : messages
}

const commentsOf = (code: string) => (code.match(/\/\/ c\d|\/\* c\d \*\//gu) ?? []).toSorted()
const countOf = (messages: readonly Linter.LintMessage[], rule: string | null) =>
  messages.filter(({ ruleId }) => ruleId === rule).length

const counted = { programs: 0, suggestions: 0, runs: 0 }

function check(code: string, isSame?: (before: string, after: string) => Promise<void>): Promise<void>[] {
  const messages = reportsOf(code)
  if (messages === undefined) return []
  counted.programs++
  return messages.flatMap(({ ruleId, suggestions = [] }) =>
    suggestions.map(async ({ fix }) => {
      counted.suggestions++
      const after = code.slice(0, fix.range[0]) + fix.text + code.slice(fix.range[1])
      const left = reportsOf(after)
      expect(left, `does not parse:\n${after}`).toBeDefined()
      expect(commentsOf(after)).toEqual(commentsOf(code))
      expect(countOf(left!, ruleId)).toBeLessThan(countOf(messages, ruleId))
      expect(countOf(left!, 'no-undef')).toBeLessThanOrEqual(countOf(messages, 'no-undef'))
      await isSame?.(code, after)
    }),
  )
}

/** What a program sends, in its order, and how it ends, where the statement of that number fails. */
async function runOf(code: string, failing: number): Promise<string[]> {
  const sent: string[] = []
  const send = async (what: string): Promise<{ id: number }> => {
    sent.push(what)
    if (sent.length === failing) throw new Error(`failed: ${what}`)
    return { id: sent.length }
  }
  const builder = (what: string): unknown =>
    new Proxy(() => undefined, {
      get: (_, method: string) =>
        method === 'then'
          ? (...next: []) => send(what).then(...next)
          : (...given: unknown[]) => builder(`${what}.${method}(${JSON.stringify(given)})`),
    })
  const inTransaction = async (work?: (trx: unknown) => unknown): Promise<unknown> =>
    work === undefined ? handle() : await work(handle())
  const handle = (): unknown =>
    new Proxy((table: string) => builder(table), {
      get: (_, method: string) => {
        if (method === 'transaction' || method === 'savepoint') return inTransaction
        if (method === 'commit') return async () => undefined
        if (method === 'then') return undefined
        return (...given: unknown[]) => builder(`${method}(${JSON.stringify(given)})`)
      },
    })
  const note = (given: unknown) => {
    sent.push(`noted ${typeof given === 'function' ? 'a handle' : typeof given}`)
    return given
  }
  const program = runInNewContext(`(${code}\n)`) as (...given: unknown[]) => Promise<unknown>
  for (const flag of [true, false]) {
    const ended = await program(handle(), { id: 0 }, flag, 7, note).then(
      (value) => `value ${typeof value === 'function' ? 'a handle' : JSON.stringify(value)}`,
      // What JavaScript itself has to say names the names.
      (error: unknown) => {
        const { name, message } = error as Error
        return name === 'Error' ? `error ${message}` : name
      },
    )
    sent.push(ended)
  }
  return sent
}

async function sendsTheSame(before: string, after: string): Promise<void> {
  for (const failing of [0, 1, 2, 3]) {
    const was = await runOf(before, failing)
    // A name that hides what its own initializer needs, or a number that is called as a transaction: such a program never ran.
    if (was.includes('ReferenceError') || was.includes('TypeError')) return
    counted.runs++
    expect(await runOf(after, failing), `${before}\n→\n${after}`).toEqual(was)
  }
}

/** Another seed, or more runs, finds more. */
const seed = Number(process.env['SEED'] ?? 1)
const parameters = {
  numRuns: Number(process.env['RUNS'] ?? 200),
  seed,
}

test(`an inner transaction of any shape is dropped so that the same is sent, and the comments stay (SEED=${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(programs(openedOn('trx', 2)), async (code) => {
      await Promise.all(check(code, sendsTheSame))
    }),
    parameters,
  )
})

test(`what is suggested for other shapes parses, keeps the comments and is reported no more (SEED=${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(programs(otherShapes), async (code) => {
      await Promise.all(check(code))
    }),
    parameters,
  )
})

test('there was something to look at', () => {
  if (process.env['RUNS'] !== undefined) console.log(counted)
  for (const count of Object.values(counted)) expect(count).toBeGreaterThan(50)
})
