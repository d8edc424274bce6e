import { bind, execute, parse, query, RawClient, sync } from '../endpoint/raw-client.ts'
import { memory, type Stand } from './stand.ts'

const sessions = 8
const pipelined = 20
const looks = 20
/** More distinct texts than any cache keeps. */
const texts = 20_000

/** Units of one statement each, with a Z behind every answer. */
function units(first: number): Buffer[][] {
  return Array.from({ length: pipelined }, (_, at) => {
    const n = first + at
    switch (n % 10) {
      case 0:
        return [parse(`SELECT ${n % texts}`), bind(), execute(), sync]
      case 1:
        return [query(`SELECT n FROM item WHERE id = ${n % 100}`)]
      case 2:
        return [query(n % 100 === 2 ? `UPDATE item SET n = n + 1 WHERE id = ${n % 97}` : 'VALUES (1)')]
      case 3:
        return [bind([String(n % 100)], 'read'), execute(), sync]
      case 4:
        return [query(n % 200 === 4 ? 'SELEC' : 'SELECT 1')]
      case 5:
        return [query('BEGIN')]
      case 6:
        return [query('SELECT n FROM item WHERE id = 1')]
      case 7:
        return n % 100 === 7 ? [bind(['3'], 'write'), execute(), sync] : [query('SELECT 2')]
      case 8:
        return [query(n % 20 === 8 ? 'ROLLBACK' : 'COMMIT')]
      default:
        return [query(`SELECT '${'x'.repeat(n % 2000)}'`)]
    }
  })
}

/** Reads, writes and errors in every protocol over several sessions. @returns whether memory stayed as it was. */
export async function manyStatements(stand: Stand, total: number): Promise<boolean> {
  await stand.onPrimary(
    'CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item SELECT n, 0 FROM generate_series(0, 99) AS n',
  )
  let [sent, errors] = [0, 0]
  const session = async (): Promise<void> => {
    const client = await RawClient.connect(stand.endpoints[0]!, stand.login)
    await client.ask([parse('SELECT n FROM item WHERE id = $1', 'read'), sync])
    await client.ask([parse('UPDATE item SET n = n + 1 WHERE id = $1', 'write'), sync])
    while (sent < total) {
      const batch = units(sent)
      sent += pipelined
      client.send(...batch.flat())
      for (const {} of batch) {
        const answers = await client.until('Z')
        errors += answers.filter(({ type }) => type === 'E').length
      }
    }
    client.destroy()
  }

  const series: ReturnType<typeof memory>[] = []
  let nextLook = 0
  const look = () => {
    if (sent < nextLook) return
    nextLook += total / looks
    const now = memory()
    series.push(now)
    console.log(`${sent} statements: heap ${now.heap} MB, buffers ${now.buffers} MB, rss ${now.rss} MB`)
  }
  const looking = setInterval(look, 50)
  const started = Date.now()
  await Promise.all(Array.from({ length: sessions }, session))
  clearInterval(looking)
  console.log(
    `${sent} statements, ${errors} errors among them, ${Math.round((Date.now() - started) / 1000)} s`,
  )
  // Caches fill in the first half; in the second nothing may grow any more.
  const mean = (part: readonly { heap: number }[]) =>
    part.reduce((sum, { heap }) => sum + heap, 0) / part.length
  const middle = mean(series.slice(looks / 2, (looks * 3) / 4))
  const end = mean(series.slice((looks * 3) / 4))
  console.log(`heap: ${middle.toFixed(1)} MB in the third quarter, ${end.toFixed(1)} MB in the last`)
  return end <= middle * 1.1 + 2
}
