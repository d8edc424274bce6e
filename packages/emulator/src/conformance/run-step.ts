import type pg from 'pg'
import type { Expectation, Step } from './case.ts'

/** What a step came to. */
export interface Seen {
  readonly sqlstate?: string
  readonly message?: string
  readonly context?: string
  readonly rows?: readonly (readonly (string | null)[])[]
  readonly tag?: string
  readonly ranOn?: 'reader' | 'writer'
}

/** What the types of node-postgres leave out: a row limit makes it fetch in parts, and a mode makes it parse first. */
interface FullQuery extends pg.QueryArrayConfig {
  readonly rows?: number
  readonly queryMode?: 'extended'
}

type WithConnection = pg.Client & { readonly connection: { sync(): void } }

const asText = { getTypeParser: () => (value: string | Buffer) => String(value) }

/** Sends a step's statement and takes down what comes back. Never rejects for what the server says. */
export async function runStep(client: pg.Client, { sql, values, protocol }: Step): Promise<Seen> {
  const query: FullQuery = {
    text: sql,
    rowMode: 'array',
    types: asText,
    ...(values && { values: [...values] }),
    ...(protocol === 'extended' && { queryMode: 'extended' }),
    ...(protocol === 'parts' && { rows: 1 }),
  }
  try {
    const { rows, command, fields } = await client.query<(string | null)[]>(query)
    const column = fields.findIndex(({ name }) => name === 'in_recovery')
    const recovers = column < 0 ? undefined : rows[0]?.[column]
    return {
      rows,
      tag: command,
      ...(recovers != null && { ranOn: recovers.startsWith('t') ? 'reader' : 'writer' }),
    }
  } catch (error) {
    // While it fetches in parts, node-postgres sends no Sync behind an error, and would wait for ever.
    if (protocol === 'parts') (client as WithConnection).connection.sync()
    const { code, message, where } = error as pg.DatabaseError
    return { sqlstate: code ?? 'none', message, context: where ?? '' }
  }
}

/** In what respects it is not as expected; nothing if it is. */
export function mismatches(expected: Expectation, seen: Seen): string[] {
  const wrong: string[] = []
  const say = (what: string, is: unknown, wanted: unknown) =>
    wrong.push(`${what}: expected ${show(wanted)}, seen ${show(is)}`)
  if (seen.sqlstate !== undefined && !expected.sqlstate?.includes(seen.sqlstate)) {
    say('outcome', `${seen.sqlstate} ${seen.message ?? ''}`, expected.sqlstate?.join(' or ') ?? 'success')
    return wrong
  }
  if (expected.sqlstate && seen.sqlstate === undefined) {
    say('outcome', 'success', expected.sqlstate.join(' or '))
    return wrong
  }
  if (expected.context !== undefined && seen.context !== expected.context) {
    say('context', seen.context, expected.context)
  }
  if (expected.rows && JSON.stringify(seen.rows) !== JSON.stringify(expected.rows))
    say('rows', seen.rows, expected.rows)
  if (expected.tag !== undefined && seen.tag !== expected.tag) say('command', seen.tag, expected.tag)
  if (expected.ranOn && seen.ranOn !== expected.ranOn)
    say('ran on', seen.ranOn ?? 'no telling', expected.ranOn)
  return wrong
}

function show(value: unknown): string {
  return typeof value === 'string' ? value || 'nothing' : JSON.stringify(value)
}
