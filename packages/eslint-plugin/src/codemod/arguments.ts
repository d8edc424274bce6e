import { parseArgs } from 'node:util'

/** What the command line asks for. */
export interface Command {
  readonly run: 'help' | 'preview' | 'write'
  /** Also where git could not give the files back. */
  readonly force: boolean
  /** Files, folders and globs, as ESLint takes them. */
  readonly patterns: readonly string[]
}

export const help = `knex-flatten-codemod [--write] [--force] [files, folders or globs …]

Drops inner transactions and savepoints for the outer transaction, where rows and outcome certainly stay
as they are, and says what it leaves to you and why. Reads your ESLint configuration.

  --dry-run   show the changes as a diff and write nothing; the default
  --write     write the changes; refused where git has uncommitted changes
  --force     write all the same
  --help      this text

Exit code 0: done. 1: a file could not be read as what it is. 2: not begun.`

/** @throws {Error} that names what is wrong */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean' },
      write: { type: 'boolean' },
      force: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.write === true && values['dry-run'] === true) {
    throw new Error('--write and --dry-run exclude each other')
  }
  const run = values.help === true ? 'help' : values.write === true ? 'write' : 'preview'
  return { run, force: values.force === true, patterns: positionals.length === 0 ? ['.'] : positionals }
}
