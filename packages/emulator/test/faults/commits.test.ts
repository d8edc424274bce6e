import { afterEach, describe, expect, it } from 'vitest'
import { bind, errorIn, execute, flush, parse, query, shape, sync } from '../endpoint/raw-client.ts'
import { itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
afterEach(() => rig.endpoint.faults.heal())

const ids = async () => (await rig.onPrimary('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
const write = (id: number) => `INSERT INTO item VALUES (${id})`
const extended = (sql: string) => [parse(sql), bind(), execute()]

/** What precedes the commit, and the messages that commit. */
const commits = {
  COMMIT: [[query('BEGIN'), query(write(1))], [query('COMMIT')]],
  'COMMIT, extended': [
    [query('BEGIN'), query(write(1))],
    [...extended('COMMIT'), sync],
  ],
  'COMMIT AND CHAIN': [[query('BEGIN'), query(write(1))], [query('COMMIT AND CHAIN')]],
  'a statement that commits by itself': [[], [query(write(1))]],
  'a statement that commits by itself, extended': [[], [...extended(write(1)), sync]],
  'several statements in one string': [[], [query(`${write(0)}; ${write(1)}`)]],
  'a string with its own BEGIN and COMMIT': [[], [query(`BEGIN; ${write(1)}; COMMIT`)]],
  'a Sync of what was flushed': [[...extended(write(1)), flush], [sync]],
} as const

describe.each(Object.entries(commits))('the lost answer to %s', (name, [before, messages]) => {
  const lead = async () => {
    const client = await rig.raw()
    if (name.startsWith('a Sync')) await client.ask(before, 'C')
    else for (const message of before) await client.ask([message])
    return client
  }
  const written = name.startsWith('several') ? [0, 1] : [1]

  it.each([true, false])('leaves the client not knowing; applied: %s', async (applied) => {
    const [client, bystander] = [await lead(), await rig.raw()]
    await rig.endpoint.faults.loseNextCommitAnswer({ applied })
    client.send(...messages)
    const answer = await client.until('Z')
    expect(shape(answer)).toBe('E(08007) Z(I)')
    expect(errorIn(answer)?.text).toContain('it is not known whether the transaction was committed')
    expect(await ids()).toEqual(applied ? written : [])
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual(['unknown'])
    expect(rig.endpoint.faults.lasting).toEqual([])
    expect(await client.ask([query(write(2))])).toBe('C Z(I)')
    expect(await client.ask([query('SELECT FROM item')])).toMatch(
      applied ? /^T (D )+C Z\(I\)$/ : 'T D C Z(I)',
    )
    expect(await bystander.ask([query(write(3))])).toBe('C Z(I)')
  })

  it.each([true, false])('can break the client’s connection instead; applied: %s', async (applied) => {
    const client = await lead()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied, severs: 'client' })
    client.send(...messages)
    expect(shape(await client.ended())).toBe('')
    expect(await ids()).toEqual(applied ? written : [])
  })
})

describe('an answer that is to be lost', () => {
  it('is not that of a read, a ROLLBACK, or a COMMIT of what never crossed', async () => {
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    for (const sql of [
      'SELECT 1',
      'BEGIN',
      'SELECT 1',
      'COMMIT',
      'BEGIN',
      write(1),
      'SELECT 1',
      'ROLLBACK',
    ]) {
      expect(await client.ask([query(sql)])).toMatch(/C Z/)
    }
    expect(rig.endpoint.faults.lasting).toEqual(['lose-next-commit-answer'])
  })

  it('is not that of a commit that fails: the client is told, and the next one is waited for', async () => {
    await rig.onPrimary(
      'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)',
    )
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO child VALUES (1)')])
    expect(await client.ask([query('COMMIT')])).toBe('E(23503) Z(I)')
    expect(await client.ask([...extended('INSERT INTO child VALUES (1)'), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([sync])).toBe('E(23503) Z(I)')
    expect(await client.ask([query(write(1))])).toBe('E(08007) Z(I)')
    expect(await ids()).toEqual([1])
  })

  it('is one answer, whoever commits first', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => rig.raw()))
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    const answers = await Promise.all(clients.map((client, n) => client.ask([query(write(n))])))
    expect(answers.sort()).toEqual(['C Z(I)', 'C Z(I)', 'C Z(I)', 'E(08007) Z(I)'])
    expect(await ids()).toEqual([0, 1, 2, 3])
  })

  it.each([true, false])('can be given up while the network is cut; to be applied: %s', async (applied) => {
    const name = `held ${applied}`
    const client = await rig.raw({ application_name: name })
    const state = 'SELECT state FROM pg_stat_activity WHERE application_name = $1'
    const held = async () => (await rig.onPrimary(state, [name]))[0]?.state
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await rig.endpoint.faults.loseNextCommitAnswer({ applied })
    await rig.endpoint.faults.cutNetwork()
    client.send(query('COMMIT'))
    expect(await client.cancelled()).toBe('E(08007) Z(I)')
    // As after any cut, the writer does not know yet.
    expect(await held()).toBe('idle in transaction')
    await rig.endpoint.faults.healNetwork()
    while ((await held()) !== undefined);
    expect(await ids()).toEqual(applied ? [1] : [])
    expect(await client.ask([query(write(2))])).toBe('C Z(I)')
  })

  it('must be said to be applied or not', async () => {
    const wrong = { applied: 'yes' } as unknown as { applied: boolean }
    await expect(rig.endpoint.faults.loseNextCommitAnswer(wrong)).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringContaining('{"applied":"yes"}'),
    })
  })
})
