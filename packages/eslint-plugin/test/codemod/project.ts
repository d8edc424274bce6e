import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { run } from '../../src/codemod/run.ts'

/** A folder of somebody's project, and the codemod in it. */
export interface Project {
  readonly read: (name: string) => string
  readonly git: (...args: string[]) => void
  readonly codemod: (...args: string[]) => Promise<{ code: number; out: string; err: string }>
}

const config = `export default [{ files: ['**/*.js'] }]`

/** Makes a project of files, without git, that is gone after the test. */
export function project(files: Record<string, string>): Project {
  const cwd = mkdtempSync(join(tmpdir(), 'codemod-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(cwd, 'node_modules'))
  const all = { 'package.json': '{"type":"module"}', 'eslint.config.js': config, ...files }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  return {
    read: (name) => readFileSync(join(cwd, name), 'utf8'),
    git: (...args) => {
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd })
    },
    codemod: async (...args) => {
      const [out, err]: string[][] = [[], []]
      const code = await run(args, { cwd, print: (text) => out!.push(text), warn: (text) => err!.push(text) })
      return { code, out: out!.join('\n'), err: err!.join('\n') }
    },
  }
}
