/**
 * What a reader does under load, and what is left of it: a million statements over several sessions, short connections and
 * floods of them, NOTICEs of many megabytes, clients that read a huge result slowly.
 * `npm run soak -- --statements 1000000 --connections 2000 --flood 500 --megabytes 256`; 0 leaves a part out.
 */
import { parseArgs } from 'node:util'
import { tls } from '../endpoint/certificates.ts'
import { manyConnections } from './connections.ts'
import { longNotices, slowReaders } from './long-answers.ts'
import { startStand } from './stand.ts'
import { manyStatements } from './statements.ts'

const { values } = parseArgs({
  options: {
    statements: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '2000' },
    flood: { type: 'string', default: '500' },
    megabytes: { type: 'string', default: '256' },
  },
})
const [statements, connections, flood, megabytes] = [
  values.statements,
  values.connections,
  values.flood,
  values.megabytes,
].map(Number) as [number, number, number, number]
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) throw new TypeError(`--${name} is a number, 0 or more`)
}
if (statements > 0 && statements < 1000) throw new TypeError('--statements is 0, or a number from 1000')

const stand = await startStand({}, { tls })
await stand.onPrimary('CREATE TABLE visit (id int)')
const good: boolean[] = []
if (connections + flood > 0) good.push(await manyConnections(stand, connections, flood))
if (megabytes > 0) {
  good.push(await longNotices(stand, Math.min(megabytes, 64)), await slowReaders(stand, megabytes))
}
if (statements > 0) good.push(await manyStatements(stand, statements))
await stand.stop()
process.exitCode = good.every(Boolean) ? 0 : 1
