import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { createTwoFilesPatch } from 'diff'
import { ESLint } from 'eslint'
import plugin from '../index.ts'
import { help, parseCommand, type Command } from './arguments.ts'
import { whyNotSafe } from './git.ts'
import { rules } from './proven.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

/** Where the codemod runs, and what it talks to. */
export interface Surroundings {
  readonly cwd: string
  readonly print: (text: string) => void
  readonly warn: (text: string) => void
}

/** Runs the command; answers with the exit code that {@link help} explains. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<0 | 1 | 2> {
  try {
    const command = parseCommand(args)
    if (command.run === 'help') {
      surroundings.print(help)
      return 0
    }
    return await change(command, surroundings)
  } catch (error) {
    surroundings.warn(`knex-flatten-codemod: ${error instanceof Error ? error.message : String(error)}`)
    return 2
  }
}

async function change(command: Command, { cwd, print, warn }: Surroundings): Promise<0 | 1> {
  const isWritten = command.run === 'write'
  const unsafe = isWritten && !command.force ? await whyNotSafe(cwd) : undefined
  if (unsafe !== undefined) throw new Error(`${unsafe}, or say --force.`)

  const eslint = new ESLint({
    cwd,
    baseConfig: { plugins: { 'knex-flatten': plugin }, rules },
    ruleFilter: ({ ruleId }) => ruleId in rules,
  })
  const results = await eslint.lintFiles([...command.patterns])
  const files: Rewritten[] = []
  for (const result of results) {
    if (result.messages.length > 0) files.push(await rewrite(eslint, result))
  }
  const changed = files.filter(({ before, after }) => before !== after)
  for (const file of changed) {
    if (isWritten) await writeFile(file.path, file.after)
    print(isWritten ? `changed ${relative(cwd, file.path)}` : diffOf(file, cwd))
  }
  for (const line of files.flatMap((file) => leftIn(file, cwd))) warn(line)
  const left = files.reduce((sum, file) => sum + file.left.length, 0)
  warn(
    `${changed.length} of ${results.length} files ${isWritten ? 'changed' : 'to change'}, ${left} reports left to you`,
  )
  return files.some(({ failure }) => failure !== undefined) ? 1 : 0
}

function diffOf({ path, before, after }: Rewritten, cwd: string): string {
  const name = relative(cwd, path).replaceAll('\\', '/')
  return createTwoFilesPatch(`a/${name}`, `b/${name}`, before, after).replace(/^=+\n/u, '').trimEnd()
}

function leftIn({ path, left, failure }: Rewritten, cwd: string): string[] {
  const name = relative(cwd, path)
  if (failure !== undefined) return [`${name}: ${failure}`]
  return left.map(({ line, column, rule, why }) => `${name}:${line}:${column} ${rule}\n    ${why}`)
}
