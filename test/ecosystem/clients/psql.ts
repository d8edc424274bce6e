import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { installed } from '../../../packages/emulator/test/endpoint/installed.ts'
import type { Client, Item, Open, Row, Talk } from './client.ts'
import { rowOf } from './sql-text.ts'

const program = installed('psql')
const { builtins, getTypeParser } = pg.types
/** A quoted element is escaped as JSON is. */
const elements = (text: string): string[] =>
  Array.from(text.slice(1, -1).matchAll(/("(?:[^"\\]|\\.)*")|[^,]+/g), ([element, quoted]) =>
    quoted === undefined ? element : (JSON.parse(quoted) as string),
  )
const itself = (text: string): string => text
/** The types of the scenario by what psql's `\gdesc` calls them, read as node-postgres reads them. */
const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  boolean: getTypeParser(builtins.BOOL),
  bytea: getTypeParser(builtins.BYTEA),
  integer: getTypeParser(builtins.INT4),
  text: itself,
  'text[]': elements,
  'timestamp with time zone': getTypeParser(builtins.TIMESTAMPTZ),
  numeric: itself,
  jsonb: getTypeParser(builtins.JSONB),
}
const null_ = '<null>'

/** A psql that is held open by its standard input, and typed to. */
export const psql: Open | undefined = program === undefined ? undefined : (url) => typeTo(program, url)

function typeTo(program: string, url: string): Client {
  const child = spawn(program, ['-X', '-A', '-t', '-q', '-z', '-0', '-P', `null=${null_}`, url], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const exit = once(child, 'exit')
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  /** The fields of what psql prints, once it has come to its end. @throws the server's error */
  const type = async (line: string): Promise<string[]> => {
    child.stdin.write(`${line}\n\\echo '\\n':ERROR :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE\n`)
    for (;;) {
      const [whole, printed, failed, code, message] = /^([^]*)\n(true|false) (\S+) (.*)\n$/.exec(text) ?? []
      if (whole !== undefined) {
        text = ''
        if (failed === 'true') throw Object.assign(new Error(message), { code })
        return printed!.split('\0').slice(0, -1)
      }
      await once(child.stdout, 'data')
    }
  }
  const rows = async (sql: string): Promise<Row[]> => {
    const described = await type(`${sql} \\gdesc`)
    const names = described.filter((_, n) => n % 2 === 0)
    const values = (await type(`${sql};`)).map((value, n) =>
      value === null_ ? null : parsers[described[(n % names.length) * 2 + 1]!]!(value),
    )
    return Array.from({ length: values.length / names.length }, (_, row) =>
      Object.fromEntries(names.map((name, n) => [name, values[row * names.length + n]])),
    )
  }
  const talk: Talk = {
    insert: (item) => type(`insert into item values ${rowOf(item)};`),
    find: async (id) => (await rows(`select * from item where id = ${id}`))[0] as Item | undefined,
    rows,
  }
  return {
    ...talk,
    async transaction(work) {
      await type('begin;')
      try {
        const result = await work(talk)
        await type('commit;')
        return result
      } catch (error) {
        await type('rollback;')
        throw error
      }
    },
    close() {
      child.stdin.end()
      return exit
    },
  }
}
