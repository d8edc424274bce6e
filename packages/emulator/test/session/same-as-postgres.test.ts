import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  bind,
  closeStatement,
  describePortal,
  execute,
  flush,
  parse,
  query,
  RawClient,
  shape,
  sync,
  type Answer,
} from '../endpoint/raw-client.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE DATABASE mirror' })

// A setting that was never set is NULL, and '' ever after: that alone is taken as the same.
const statements = [
  'BEGIN',
  // Options are given to a BEGIN that opens a transaction: a second one is a mistake that one server answers better.
  'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ',
  'ROLLBACK; BEGIN READ ONLY',
  'ROLLBACK; START TRANSACTION READ WRITE',
  'COMMIT',
  'ROLLBACK',
  'COMMIT AND CHAIN',
  'SELECT id, name FROM item ORDER BY id',
  'SELECT id FROM item WHERE id = 1 FOR UPDATE',
  "INSERT INTO item VALUES (1, 'a')",
  "INSERT INTO item VALUES (2, coalesce(current_setting('app.a', true), ''))",
  'INSERT INTO item SELECT 3 RETURNING id',
  "UPDATE item SET name = name || 'x' RETURNING name",
  'DELETE FROM item WHERE id < 3',
  'WITH gone AS (DELETE FROM item RETURNING id) SELECT count(*) FROM gone',
  'SELECT 1/0',
  'SELEC',
  '',
  "SET app.a = 'one'",
  "SET app.a = 'two'",
  "SET LOCAL app.a = 'three'",
  "SELECT set_config('app.a', 'four', false)",
  'RESET app.a',
  "SELECT coalesce(current_setting('app.a', true), '')",
  'PREPARE p AS INSERT INTO item VALUES (4)',
  'PREPARE q AS SELECT count(*) FROM item',
  'EXECUTE p',
  'EXECUTE q',
  'DEALLOCATE p',
  'DEALLOCATE ALL',
  'DISCARD ALL',
] as const

const statement = fc.constantFrom(...statements)
const name = fc.constantFrom('', 's', 't')
const portal = fc.constantFrom('', 'c')

const simple = fc.array(statement, { minLength: 1, maxLength: 3 }).map((each) => [query(each.join('; '))])
const step = fc.oneof(
  fc.tuple(statement, name).map(([sql, as]) => parse(sql, as)),
  fc.tuple(name, portal).map(([from, as]) => bind([], from, as)),
  fc.tuple(fc.constantFrom(0, 0, 1), portal).map(([rows, of]) => execute(rows, of)),
  portal.map(describePortal),
  name.map(closeStatement),
  fc.constant(flush),
)
/** As drivers do it. */
const whole = fc
  .tuple(statement, name, portal)
  .map(([sql, as, to]) => [
    ...(as === '' ? [] : [closeStatement(as)]),
    parse(sql, as),
    bind([], as, to),
    describePortal(to),
    execute(0, to),
  ])
const extended = fc
  .array(fc.oneof({ weight: 3, arbitrary: whole }, { weight: 1, arbitrary: step.map((each) => [each]) }), {
    maxLength: 4,
  })
  .map((parts) => [...parts.flat(), sync])
const session = fc.array(fc.oneof(simple, extended), { minLength: 1, maxLength: 12 })

/** What a client can tell apart: letters, rows, tags, SQLSTATEs. */
const seen = (answers: readonly Answer[]) =>
  answers
    .filter(({ type }) => type !== 'N' && type !== 'S')
    .map((answer) => {
      const detail = answer.type === 'D' || answer.type === 'C' ? answer.bytes.toString('latin1', 5) : ''
      return `${shape([answer])}${detail}`
    })

const readable = (unit: readonly Buffer[]) =>
  unit.map((bytes) => bytes.toString('latin1').replaceAll(/[^ -~]+/g, '·')).join(' ')

/**
 * Whether a unit asks for rows of the portal without a name and has not bound it. In an aborted transaction that may be the
 * portal of the very simple query that failed: PostgreSQL (16.14) keeps it, looks at its statements when it is executed, and
 * those are freed memory by then. Mostly the answer is 25P02; sometimes the server crashes.
 */
function executesWhatIsLeft(unit: readonly Buffer[]): boolean {
  const unnamed = unit.filter((bytes) => bytes[5] === 0).map((bytes) => String.fromCharCode(bytes[0]!))
  const executed = unnamed.indexOf('E')
  return executed >= 0 && !unnamed.slice(0, executed).includes('B')
}

async function transcript(client: RawClient, units: readonly Buffer[][]): Promise<string[][]> {
  const answers: string[][] = []
  for (const unit of units) {
    client.send(...unit)
    answers.push(seen(await client.until('Z')))
  }
  return answers
}

/** Units that PostgreSQL itself answers, and how; the few that it might crash over are left out. */
async function answered(
  client: RawClient,
  units: readonly Buffer[][],
): Promise<{ safe: Buffer[][]; expected: string[][] }> {
  const safe: Buffer[][] = []
  const expected: string[][] = []
  for (const unit of units) {
    if (expected.at(-1)?.at(-1) === 'Z(E)' && executesWhatIsLeft(unit)) continue
    safe.push(unit)
    expected.push(...(await transcript(client, [unit])))
  }
  return { safe, expected }
}

it('answers whatever it forwards exactly as one PostgreSQL server would', async () => {
  await fc.assert(
    fc.asyncProperty(session, fc.boolean(), async (units, pipelined) => {
      for (const database of ['postgres', 'mirror']) {
        const client = await RawClient.connect(rig.servers.primary, { user: 'postgres', database })
        await client.ask([
          query('DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)'),
        ])
        client.destroy()
      }
      await rig.replicated()
      const plain = await RawClient.connect(rig.servers.primary, { user: 'postgres', database: 'mirror' })
      const forwarding = await rig.raw()
      const { safe, expected } = await answered(plain, units)
      if (pipelined) forwarding.send(...safe.flat())
      const got: string[][] = []
      if (pipelined) for (const {} of safe) got.push(seen(await forwarding.until('Z')))
      else got.push(...(await transcript(forwarding, safe)))
      plain.destroy()
      forwarding.destroy()
      const told = (answers: string[][]) =>
        safe.map((unit, index) => ({ unit: readable(unit), answer: answers[index]?.join(' ') }))
      expect(told(got)).toEqual(told(expected))
    }),
    { seed: Number(process.env.SEED ?? 1), numRuns: 200, interruptAfterTimeLimit: 50_000 },
  )
})
