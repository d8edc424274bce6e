/**
 * Two hundred clients on one routed instance, whose writer is restarted over and over, and now and then does not answer a COMMIT: no
 * acknowledged write is lost, none that was rolled back is stored, no read in a request scope misses what the request has written, no
 * connection leaks, nobody waits for ever.
 * `npm run soak:routing -- --seconds 300 --clients 200 --every 30 --think 5000 --lag 150 --latency 2 --mode eventual`
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startForwardingReader } from '@knex-flatten/emulator'
import type { ConsistencyMode } from 'knex-flatten'
import { route } from 'knex-flatten/routing'
import { Client } from './client.ts'
import { Figures } from './figures.ts'
import { Ledger, wrongs } from './ledger.ts'
import { pool, POOL_SIZE, Servers } from './servers.ts'
import { ACCOUNTS, schema } from './shop.ts'
import { HANG_MS, watch } from './watch.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    clients: { type: 'string', default: '200' },
    every: { type: 'string', default: '30' },
    think: { type: 'string', default: '5000' },
    lag: { type: 'string', default: '150' },
    latency: { type: 'string', default: '2' },
    mode: { type: 'string', default: 'eventual' },
  },
})
const { mode, ...numbers } = values
for (const [name, value] of Object.entries(numbers)) {
  if (!/^\d+$/.test(value)) throw new TypeError(`--${name} is a number, 0 or more`)
}
const { seconds, clients: many, every, think, lag, latency } = numbers

const reader = await startForwardingReader({ lagMs: Number(lag), latencyMs: Number(latency) })
const servers = new Servers(reader)
await servers.onPrimary(schema)
await reader.lag.caughtUp()

const figures = new Figures()
const ledger = new Ledger()
process.on('unhandledRejection', (error) =>
  figures.violation(`a rejection nobody has handled: ${String(error)}`),
)
const warned = (): void => figures.count('lost connections')
const pools = { reader: pool(reader.readerUrl, warned), writer: pool(reader.primaryUrl, warned) }
const db = route({ ...pools, consistency: mode as ConsistencyMode })

const over = new AbortController()
setMaxListeners(0, over.signal)
const clients = Array.from({ length: Number(many) }, () => new Client())
const running = Promise.all(
  clients.map((client) => client.run({ db, ledger, figures }, Number(think), over.signal)),
)
const watching = watch({ clients, ledger, figures, servers }, over.signal)
const faults = Promise.all([restarts(), lostAnswers()])
await delay(Number(seconds) * 1000)
over.abort()
await faults
await inTime(running)
await watching

for (const { doing } of clients) if (doing) figures.violation(`a client never ended: it is at ${doing.kind}`)
await checkIdle()
if (!(await inTime(db.destroy()))) figures.violation('destroy() never ended')
await checkGone()
await checkWrites()
await reader.stop()

console.log(figures.report().join('\n'))
console.log(
  `${figures.counted('own reads')} own reads in scopes; without one ${figures.counted('stale without a scope')} of ` +
    `${figures.counted('stale without a scope') + figures.counted('fresh without a scope')} were stale`,
)
console.log(`${figures.counted('lost connections')} connections were lost by the pools`)
console.log(
  JSON.stringify({ requests: figures.requests, ...ledger.counts(), retried: figures.counted('retried') }),
)
console.log(figures.violations.length === 0 ? 'no violation' : `${figures.violations.length} violations`)
process.exit(figures.violations.length === 0 ? 0 : 1)

async function inTime(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([work.then(() => true), delay(HANG_MS, false)])
}

async function restarts(): Promise<void> {
  const pause = (): Promise<unknown> =>
    delay(Number(every) * 1000, undefined, { signal: over.signal }).catch(() => undefined)
  for (await pause(); !over.signal.aborted; await pause()) {
    await reader.faults.restartWriter()
    figures.count('restarts')
  }
}

/** Once a second a COMMIT is not answered, whether it was applied or not. */
async function lostAnswers(): Promise<void> {
  while (!over.signal.aborted) {
    await reader.faults.loseNextCommitAnswer({ applied: Math.random() < 0.5 })
    await delay(1000, undefined, { signal: over.signal }).catch(() => undefined)
  }
}

/** Nobody uses the instance any more: nor does anything of it. */
async function checkIdle(): Promise<void> {
  for (const [name, knex] of Object.entries(pools)) {
    const { pool: its } = knex.client as { pool: { numUsed: () => number; numPendingAcquires: () => number } }
    const [used, waiting] = [its.numUsed(), its.numPendingAcquires()]
    if (used > 0 || waiting > 0)
      figures.violation(`the ${name}'s pool has ${used} in use, ${waiting} waiting`)
  }
  const sessions = await servers.sessions((all) => all.every(({ state }) => state === 'idle'))
  for (const { server, state, query } of sessions) {
    if (state !== 'idle') figures.violation(`a session on the ${server} is ${state} after: ${query}`)
  }
  const on = (name: string): number => sessions.filter(({ server }) => server === name).length
  // Those that the reader has forwarded, and the writer's pool.
  if (on('standby') > POOL_SIZE || on('primary') > 2 * POOL_SIZE) {
    figures.violation(
      `${on('standby')} sessions on the standby, ${on('primary')} on the primary: more than the pools have`,
    )
  }
}

async function checkGone(): Promise<void> {
  const left = await servers.sessions((all) => all.length === 0)
  if (left.length > 0) figures.violation(`${left.length} sessions outlive destroy(): ${JSON.stringify(left)}`)
  const { sessions } = reader.status()
  if (sessions > 0) figures.violation(`the reader still has ${sessions} sessions`)
}

/** Everything that anybody was told, and the money. */
async function checkWrites(): Promise<void> {
  const stored = await servers.stored(ledger.all.map(({ id }) => id))
  for (const wrong of wrongs(ledger.all, stored)) figures.violation(wrong)
  const wrongBalances = await servers.onPrimary(
    `select id, balance, coalesce((select sum(amount) from entries where account = id), 0) as moved from accounts
     where balance <> 1000 + coalesce((select sum(amount) from entries where account = id), 0)`,
  )
  for (const account of wrongBalances) figures.violation(`account ${JSON.stringify(account)} does not add up`)
  const [{ sum }] = await servers.onPrimary('select sum(balance)::int as sum from accounts')
  if (sum !== ACCOUNTS * 1000) figures.violation(`all balances add up to ${sum}`)
}
