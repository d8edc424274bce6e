import { afterEach, describe, expect, it } from 'vitest'
import {
  bind,
  errorIn,
  execute,
  flush,
  parse,
  query,
  shape,
  sync,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { itemTable, noItems, useRig } from '../endpoint/rig.ts'

const lenient = { verdict: 'forward', known: 'assumed' } as const
const rig = useRig({
  once: `${itemTable};
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE commits_itself() LANGUAGE plpgsql AS
      'BEGIN INSERT INTO item VALUES (7); COMMIT; PERFORM pg_advisory_xact_lock_shared(1); END';
    CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (NEW.name = 'waits') EXECUTE FUNCTION waits()`,
  each: noItems,
  profile: {
    name: 'lenient',
    extends: 'aws-local',
    verdicts: { 'user-function': lenient, 'do-block': lenient },
  },
})
const holders: RawClient[] = []
afterEach(async () => {
  for (const holder of holders.splice(0)) await released(holder)
  await rig.endpoint.faults.heal()
})

const { kill, cut, heal } = {
  kill: () => rig.endpoint.faults.killForwardedSessions(),
  cut: () => rig.endpoint.faults.cutNetwork(),
  heal: () => rig.endpoint.faults.healNetwork(),
}
const ids = async () => (await rig.onPrimary('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
const write = (id: number) => `INSERT INTO item VALUES (${id})`
/** Its COMMIT waits until nobody holds the lock. */
const slowlyCommitted = (id: number) => `INSERT INTO item VALUES (${id}, 'waits')`
const extended = (sql: string) => [parse(sql), bind(), execute()]
const outcomes = () => rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)
/** Resolves once somebody waits for the lock. */
const waiting = async () => {
  while (
    (await rig.onPrimary("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length === 0
  );
}

/** Holds the lock that commits wait for. */
async function locked(lock = 1): Promise<RawClient> {
  const holder = await rig.raw({}, rig.servers.primary)
  holders.push(holder)
  await holder.ask([query(`SELECT pg_advisory_lock(${lock})`)])
  return holder
}
const released = (holder: RawClient) => holder.ask([query('SELECT pg_advisory_unlock_all()')])

const moved = async (client: RawClient, id: number) => {
  await client.ask([query('BEGIN')])
  await client.ask([query(write(id))])
}

describe('nothing that was rolled back is taken for committed', () => {
  it('what was flushed behind a COMMIT, and lost before its Sync', async () => {
    const client = await rig.raw()
    await moved(client, 1)
    client.send(...extended('COMMIT'), ...extended(write(2)), flush)
    expect(shape(await client.until('C'))).toBe('1 2 C')
    expect(shape(await client.until('C'))).toBe('1 2 C')
    await kill()
    expect(await client.ask([sync])).toBe('E(57P01) Z(I)')
    expect(await ids()).toEqual([1])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })

  it('what follows in a transaction whose session was lost while the reader asked it what a name means', async () => {
    const client = await rig.raw()
    await moved(client, 1)
    await client.ask([query("INSERT INTO item VALUES (2, lower('A'))")])
    await cut()
    client.send(query("INSERT INTO item VALUES (3, lower('A'))"))
    expect(await client.cancelled()).toBe('E(08006) Z(E)')
    await heal()
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await ids()).toEqual([])
  })

  it('a prepared ROLLBACK that SQL executes', async () => {
    const client = await rig.raw()
    await client.ask([parse('ROLLBACK', 'back'), sync])
    await moved(client, 1)
    expect(await client.ask([query('EXECUTE back')])).toBe('C Z(I)')
    expect(outcomes()).toEqual(['rolled-back'])
    expect(await ids()).toEqual([])
  })
})

describe('nothing that may be committed is taken for rolled back', () => {
  it.each([
    ['COMMIT', [query('COMMIT')]],
    ['COMMIT AND CHAIN', [query('COMMIT AND CHAIN')]],
    ['COMMIT, flushed', [...extended('COMMIT'), flush]],
    ['COMMIT and what follows in the batch', [...extended('COMMIT'), ...extended(write(2)), sync]],
    ['a string that commits twice', [query(`COMMIT; BEGIN; ${write(2)}; COMMIT`)]],
    ['a string that ends in a ROLLBACK', [query(`COMMIT; BEGIN; ${write(2)}; ROLLBACK`)]],
    ['a prepared COMMIT', [bind([], 'end'), execute(), sync]],
    ['a prepared COMMIT that SQL executes', [query('EXECUTE "end"')]],
  ])('%s', async (_name, messages) => {
    const [client, holder] = [await rig.raw(), await locked()]
    await client.ask([parse('COMMIT', 'end'), sync])
    await client.ask([query('BEGIN')])
    await client.ask([query(slowlyCommitted(1))])
    client.send(...messages)
    await waiting()
    await kill()
    const answer = await client.until('E')
    expect(errorIn(answer)?.sqlstate).toBe('08007')
    if (messages.at(-1) === flush) client.send(sync)
    expect(shape(await client.until('Z'))).toBe('Z(I)')
    expect(outcomes()).toEqual(['unknown'])
    await released(holder)
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })

  it.each([
    ['CALL commits_itself()'],
    ["DO 'BEGIN INSERT INTO item VALUES (7); COMMIT; PERFORM pg_advisory_xact_lock_shared(1); END'"],
  ])('what commits by itself before its Sync: %s', async (sql) => {
    const [client, holder] = [await rig.raw(), await locked()]
    client.send(...extended(sql), flush)
    await waiting()
    await kill()
    expect(errorIn(await client.until('E'))?.sqlstate).toBe('08007')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await ids()).toEqual([7])
    await released(holder)

    await rig.onPrimary(noItems)
    expect(await client.ask([...extended(sql), flush], 'C')).toBe('1 2 C')
    await kill()
    expect(await client.ask([sync])).toBe('E(08007) Z(I)')
    expect(await ids()).toEqual([7])
  })

  it('what committed by itself, when what follows it is lost before their Sync', async () => {
    const client = await rig.raw()
    await client.ask([...extended('CALL commits_itself()'), flush], 'C')
    await client.ask([...extended(write(1)), flush], 'C')
    // The procedure's own lock is held until the Sync, so this is another one.
    const holder = await locked(2)
    client.send(...extended('SELECT pg_advisory_xact_lock_shared(2)'), flush)
    await waiting()
    await kill()
    expect(errorIn(await client.until('E'))?.sqlstate).toBe('08007')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await ids()).toEqual([7])
    await released(holder)
  })

  it('a lone Sync that commits what was flushed behind a COMMIT', async () => {
    const [client, holder] = [await rig.raw(), await locked()]
    await moved(client, 1)
    client.send(...extended('COMMIT'), ...extended(slowlyCommitted(2)), flush)
    await client.until('C')
    await client.until('C')
    client.send(sync)
    await waiting()
    await kill()
    expect(shape(await client.until('Z'))).toBe('E(08007) Z(I)')
    await released(holder)
  })

  it('a batch without a statement, whose Sync commits what was flushed before', async () => {
    const [client, holder] = [await rig.raw(), await locked()]
    await client.ask([...extended(slowlyCommitted(1)), flush], 'C')
    client.send(parse('SELECT 1'), sync)
    await waiting()
    await kill()
    expect(shape(await client.until('Z'))).toMatch(/^(1 )?E\(08007\) Z\(I\)$/)
    await released(holder)
  })
})

describe('what is certain is said', () => {
  it('of a ROLLBACK whose answer is lost', async () => {
    const client = await rig.raw()
    await client.ask([query(write(9))])
    await moved(client, 1)
    await cut()
    client.send(query('ROLLBACK'))
    expect(await client.cancelled()).toBe('E(08006) Z(I)')
    await heal()
    expect(outcomes()).toEqual(['committed', 'rolled-back'])

    await moved(client, 2)
    await cut()
    client.send(query('ROLLBACK'))
    const bystander = await rig.raw()
    await bystander.ask([query('SELECT 1')])
    await kill()
    await heal()
    expect(shape(await client.until('Z'))).toBe('E(57P01) Z(I)')
    expect(await ids()).toEqual([9])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })

  it('of a COMMIT that a cancel ends', async () => {
    const [client, holder] = [await rig.raw(), await locked()]
    await client.ask([query('BEGIN')])
    await client.ask([query(slowlyCommitted(1))])
    client.send(query('COMMIT'))
    await waiting()
    await client.cancel()
    expect(shape(await client.until('Z'))).toBe('E(57014) Z(I)')
    expect(outcomes()).toEqual(['rolled-back'])
    expect(await ids()).toEqual([])
    await released(holder)
  })

  it('of a COMMIT over which the standby restarts: its answer comes before the session ends', async () => {
    const [client, holder] = [await rig.raw(), await locked()]
    await client.ask([query('BEGIN')])
    await client.ask([query(slowlyCommitted(1))])
    client.send(query('COMMIT'))
    await waiting()
    await rig.endpoint.faults.restartStandby()
    await released(holder)
    expect(shape(await client.ended())).toBe('C Z(I) E(57P01)')
    expect(await ids()).toEqual([1])
  })

  it('of a string that commits and then fails, although its answer was to be lost', async () => {
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    await moved(client, 1)
    expect(await client.ask([query(`COMMIT; SET work_mem = '777kB'; ${write(1)}`)])).toBe('C C E(23505) Z(I)')
    expect(outcomes()).toEqual(['committed'])
    expect(await ids()).toEqual([1])
  })
})

describe('a commit of which the client never hears', () => {
  it('is committed without the client', async () => {
    const [client, holder] = [await rig.raw(), await locked()]
    await client.ask([query('BEGIN')])
    await client.ask([query(slowlyCommitted(1))])
    client.send(query('COMMIT'))
    await waiting()
    client.destroy()
    await released(holder)
    await expect.poll(ids, { timeout: 10_000 }).toEqual([1])
  })

  it('is counted as unknown', async () => {
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true, severs: 'client' })
    client.send(query(write(1)))
    await client.ended()
    expect(outcomes()).toEqual(['unknown'])
  })
})

describe('the lost answer', () => {
  it('is not that of a string which opens a transaction and leaves it open', async () => {
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    expect(await client.ask([query(`BEGIN; ${write(1)}`)])).toBe('C C Z(T)')
    expect(await client.ask([query('COMMIT')])).toBe('E(08007) Z(I)')
    expect(await ids()).toEqual([1])
  })

  it('is not that of a Sync behind what was only bound, or behind an error', async () => {
    const client = await rig.raw()
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    expect(await client.ask([parse(write(1)), bind(), flush], '2')).toBe('1 2')
    expect(await client.ask([sync])).toBe('Z(I)')
    await client.ask([...extended(write(1)), flush], 'C')
    expect(await client.ask([...extended('INSERT INTO item VALUES (1)'), flush], 'E')).toBe('1 2 E(23505)')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await ids()).toEqual([])
    expect(rig.endpoint.faults.lasting).toEqual(['lose-next-commit-answer'])
  })

  it('is that of a Sync behind a COMMIT and what was flushed', async () => {
    const client = await rig.raw()
    await moved(client, 1)
    client.send(...extended('COMMIT'), ...extended(write(2)), flush)
    await client.until('C')
    await client.until('C')
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    expect(await client.ask([sync])).toBe('E(08007) Z(I)')
    expect(await ids()).toEqual([1, 2])
  })
})

describe('a session outlives the loss of the writer', () => {
  it('unseen, once its Sync is answered', async () => {
    const client = await rig.raw()
    await client.ask([...extended(write(1)), flush], 'C')
    expect(await client.ask([sync])).toBe('Z(I)')
    await kill()
    expect(await client.ask([query('SELECT FROM item')])).toBe('T D C Z(I)')
  })

  it('while a setting was brought to it', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    // Where the commit stands in the log is known by then: asked for later, it would be what the cancel ends.
    await client.ask([query('SELECT FROM item')])
    await cut()
    client.send(query("SET work_mem = '777kB'"))
    expect(await client.cancelled()).toBe('C Z(I)')
    await heal()
    expect(await client.ask([query("INSERT INTO item VALUES (2, current_setting('work_mem'))")])).toBe(
      'C Z(I)',
    )
    expect(await rig.onPrimary('SELECT name FROM item WHERE id = 2')).toEqual([{ name: '777kB' }])
  })

  it('while it was taught a prepared statement', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    await client.ask([query(`PREPARE two AS ${write(2)}`)])
    await client.ask([query('BEGIN')])
    await client.ask([query(write(3))])
    await cut()
    client.send(query('EXECUTE two'))
    expect(await client.cancelled()).toBe('E(08006) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    await heal()
    expect(await client.ask([query('EXECUTE two')])).toBe('C Z(I)')
    expect(await ids()).toEqual([1, 2])
  })
})

describe('the network', () => {
  it('is whole again however often and however fast it was cut', async () => {
    await Promise.all([cut(), cut(), heal(), cut(), heal()])
    expect(rig.endpoint.faults.lasting).toEqual([])
    await rig.onPrimary(write(1))
    await rig.replicated()
  })

  it('is cut for sessions too that are being opened', async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => rig.raw()))
    const answers = clients.map((client, n) => client.ask([query(write(n))]))
    await cut()
    const before = await ids()
    const late = await rig.raw()
    await late.ask([query('SELECT 1')])
    expect(await ids()).toEqual(before)
    await heal()
    expect(await Promise.all(answers)).toEqual(clients.map(() => 'C Z(I)'))
  })

  it('holds up no client that cancels, however far its session had come', async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => rig.raw()))
    for (const [n, client] of clients.entries()) client.send(query(write(n)))
    await cut()
    for (const answer of await Promise.all(clients.map((client) => client.cancelled()))) {
      expect(answer).toMatch(/^(C|E\((57014|08007)\)) Z\(I\)$/)
    }
    await heal()
  })
})
