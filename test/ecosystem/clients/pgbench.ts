import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installed } from '../../../packages/emulator/test/endpoint/installed.ts'
import { literal, rowOf } from './sql-text.ts'
import type { Failure, Operation } from './scenario.ts'

export const program: string | undefined = installed('pgbench')

/** pgbench ends at the first error, so that one is the last thing of its script. */
interface Script {
  readonly text: string
  readonly sessions: number
  readonly fails?: Failure | undefined
}

/** How a script ended, and what it said of that. */
export interface Outcome {
  readonly code: number
  readonly said: string
}

/** Its sessions end with the script; mode global lets the next one see what an earlier one has written. */
const firstLine = "set apg_write_forward.consistency_mode = 'global';"

/** What to have pgbench run for a step of the scenario, one after another. */
export function scriptsOf(operations: readonly Operation[]): readonly Script[] {
  const scripts: Script[] = []
  let lines: string[] = []
  const end = (fails?: Failure): void => {
    if (lines.length > 0) scripts.push({ text: [firstLine, ...lines].join('\n'), sessions: 1, fails })
    lines = []
  }
  const add = (operation: Operation): void => {
    if (operation.does === 'sessions') {
      end()
      const branches = operation.each.flatMap((own, n) => [
        `\\if :client_id = ${n}`,
        ...own.flatMap(linesOf),
        '\\endif',
      ])
      scripts.push({ text: branches.join('\n'), sessions: operation.each.length })
    } else if (operation.does === 'transaction') {
      lines.push('begin;')
      operation.operations.forEach(add)
      // Behind an error there is nothing left to end.
      if (lines.length > 0) lines.push('commit;')
    } else {
      lines.push(...linesOf(operation))
      if ('fails' in operation) end(operation.fails)
    }
  }
  operations.forEach(add)
  end()
  return scripts
}

/** A result is compared by the server, because pgbench has numbers and truth values only. */
function linesOf(operation: Operation): readonly string[] {
  if (operation.does === 'insert') return [`insert into item values ${rowOf(operation.item)};`]
  if (operation.does === 'find') {
    const { id, gives } = operation
    const same = gives
      ? `count(*) = 1 and bool_and(item is not distinct from row${rowOf(gives)}::item)`
      : 'count(*) = 0'
    return holds(`select ${same} as ok from item where id = ${id}`)
  }
  if (operation.does === 'rows' && operation.gives.length === 1) {
    const [row] = operation.gives
    return holds(`select to_jsonb(r) = ${literal(row)}::jsonb as ok from (${operation.sql}) as r`)
  }
  if (operation.does === 'rows') return [`${operation.sql};`]
  throw new Error(`the scenario has ${operation.does} where a statement belongs`)
}

const holds = (sql: string): readonly string[] => [
  `${sql} \\gset`,
  '\\if :ok',
  '\\else',
  `select E'not what was expected'::int;`,
  '\\endif',
]

/** Runs a script once in each of its sessions. */
export async function bench(protocol: string, url: string, { text, sessions }: Script): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbench-'))
  const file = join(folder, 'script.sql')
  try {
    await writeFile(file, text)
    const options = ['-n', '-M', protocol, '-c', String(sessions), '-t', '1', '-f', file, url]
    const { stdout } = await promisify(execFile)(program!, options)
    return { code: 0, said: stdout }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, said: stderr }
  } finally {
    await rm(folder, { recursive: true })
  }
}
