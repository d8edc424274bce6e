/**
 * What the emulator costs: `SELECT 1` through it, through pgbouncer and direct, taking turns; one crossing against the same write
 * on the primary; and how long a start takes. Only ratios within one run count.
 * It measures the packages as they were built last, and needs an installed pgbench.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startForwardingReader } from '@knex-flatten/emulator'
import pg from 'pg'
import { startPgbouncer } from './pgbouncer.ts'

const CONNECTIONS = 16
const ROUNDS = 5
const SECONDS = 2
const STARTS = 3
const WRITES = 1000

const run = promisify(execFile)
const pgbench = ['18', '17', '16', '15', '14']
  .map((version) => `/usr/lib/postgresql/${version}/bin/pgbench`)
  .concat('/usr/bin/pgbench', '/opt/homebrew/bin/pgbench')
  .find(existsSync)

await benchStart()
const reader = await startForwardingReader()
try {
  await benchCrossing()
  if (pgbench === undefined) console.log('SELECT 1: skipped, because pgbench is not installed')
  else await benchReads(pgbench)
} finally {
  await reader.stop()
}

async function benchStart(): Promise<void> {
  const times: number[] = []
  for (let start = 0; start < STARTS; start++) {
    const started = performance.now()
    // It is started when a row written on the primary has been seen on the standby.
    const fresh = await startForwardingReader()
    times.push(performance.now() - started)
    await fresh.stop()
  }
  console.log(`start to first replicated row       ${(median(times) / 1000).toFixed(2)} s, target < 3 s`)
}

async function benchCrossing(): Promise<void> {
  const clients = [reader.primaryUrl, reader.readerUrl].map((url) => new pg.Client(url))
  const [direct, forwarded] = clients as [pg.Client, pg.Client]
  await Promise.all(clients.map((client) => client.connect()))
  await direct.query('CREATE TABLE crossed (id int)')
  const times = new Map<pg.Client, number[]>(clients.map((client) => [client, []]))
  for (let write = 0; write < WRITES; write++) {
    for (const client of write % 2 ? [direct, forwarded] : [forwarded, direct]) {
      const started = performance.now()
      await client.query('INSERT INTO crossed VALUES (1)')
      times.get(client)!.push(performance.now() - started)
    }
  }
  const [plain, crossing] = [median(times.get(direct)!), median(times.get(forwarded)!)]
  await Promise.all(clients.map((client) => client.end()))
  console.log(`a write, forwarded / on the primary ${(crossing / plain).toFixed(2)}`)
}

async function benchReads(program: string): Promise<void> {
  const bouncer = await startPgbouncer(new URL(reader.standbyUrl))
  if (!bouncer) console.log('pgbouncer is not installed: no ratio to it')
  const ports = new Map<string, number>([
    ['emulator', portOf(reader.readerUrl)],
    ['direct', portOf(reader.standbyUrl)],
    ...(bouncer ? ([['pgbouncer', bouncer.port]] as const) : []),
  ])
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const script = join(folder, 'one.sql')
  await writeFile(script, 'SELECT 1;\n')
  for (const protocol of ['simple', 'extended', 'prepared']) {
    const rates = new Map<string, number[]>([...ports.keys()].map((peer) => [peer, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [peer, port] of round % 2 ? [...ports].reverse() : ports) {
        const server = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', 'postgres']
        const load = ['-n', '-M', protocol, '-c', String(CONNECTIONS), '-T', String(SECONDS), '-f', script]
        const { stdout } = await run(program, [...load, ...server])
        rates.get(peer)!.push(Number(/tps = ([\d.]+)/.exec(stdout)![1]))
      }
    }
    const rate = (peer: string) => median(rates.get(peer) ?? [])
    const ratios = [...ports.keys()]
      .filter((peer) => peer !== 'emulator')
      .map((peer) => `${(rate('emulator') / rate(peer)).toFixed(2)} × ${peer}`)
    console.log(
      `SELECT 1, ${protocol.padEnd(8)}                  ${ratios.join(', ')}, target ≥ 0.6 × pgbouncer`,
    )
  }
  await bouncer?.stop()
  await rm(folder, { recursive: true })
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}
