import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Client, Item, Open, Row, Talk } from './client.ts'

/** A Python with psycopg2: the distribution's, or the one in PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import psycopg2']).status === 0,
)
if (python === undefined)
  console.warn('SKIPPED: the scenario with psycopg2, which is not installed (install python3-psycopg2)')

type Answer = { readonly gives: unknown } | { readonly code: string; readonly message: string }
/** JSON has neither bytes nor times. */
type Sent = Omit<Item, 'data' | 'made'> & { readonly data: string | null; readonly made: string | null }

/** A Python program that is told what to do, line by line. */
export const psycopg: Open | undefined = python === undefined ? undefined : (url) => tell(python, url)

function tell(python: string, url: string): Client {
  const program = fileURLToPath(new URL('psycopg.py', import.meta.url))
  const child = spawn(python, [program, url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const ask = async (...what: readonly unknown[]): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(what)}\n`)
    const { value } = await lines.next()
    const answer = JSON.parse(String(value)) as Answer
    if ('gives' in answer) return answer.gives
    throw Object.assign(new Error(answer.message), { code: answer.code })
  }
  const talk: Talk = {
    insert: (item) => ask('insert', { ...item, data: item.data?.toString('base64') ?? null }),
    async find(id) {
      const found = (await ask('find', id)) as Sent | null
      if (found === null) return undefined
      const { data, made } = found
      return { ...found, data: data && Buffer.from(data, 'base64'), made: made && new Date(made) } as Item
    },
    rows: async (sql) => (await ask('rows', sql)) as Row[],
  }
  return {
    ...talk,
    async transaction(work) {
      await ask('begin')
      try {
        const result = await work(talk)
        await ask('commit')
        return result
      } catch (error) {
        await ask('rollback')
        throw error
      }
    },
    close() {
      child.stdin.end()
      return exit
    },
  }
}
