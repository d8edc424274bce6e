import { spawn } from 'node:child_process'
import { serverEnvironment, type Account } from './account.ts'

/** How a program ended: `code` is its exit code, the signal that ended it, or why it could not be run (`EACCES`, …). */
export interface ProgramResult {
  readonly code: number | string
  /** What it wrote on both its outputs. */
  readonly output: string
}

/** Runs a program to its end; never rejects. `onSpawn` learns the process id at once. */
export function runProgram(
  file: string,
  args: readonly string[],
  account?: Account,
  onSpawn?: (pid: number) => void,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      ...account,
      env: serverEnvironment(),
      // A session of its own: a terminal's Ctrl-C must not reach it before it reaches us.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (child.pid !== undefined) onSpawn?.(child.pid)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code ?? 'ERROR', output: error.message }),
    )
    child.on('close', (code, signal) => resolve({ code: code ?? signal ?? 'ERROR', output: output.trim() }))
  })
}
