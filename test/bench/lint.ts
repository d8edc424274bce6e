/**
 * What the lint rules cost: the same files linted with types and no rule, with every rule but those that follow calls into other
 * files, and with all of them, in turn, each in a process of its own. Only the ratio counts. It measures the plugin as it was
 * built last, on code that it writes itself, or on a folder with an own tsconfig.json: `tsx test/bench/lint.ts FOLDER`.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { writeService } from './generated-service.ts'
import { variants, type LintTime, type Variant } from './lint-once.ts'

const ROUNDS = 5

const targets: Readonly<Partial<Record<Variant, number>>> = { 'within files': 1.15, 'all rules': 1.3 }

const given = process.argv[2]
// Below this folder, so that the packages of the workspace are found.
const folder = given === undefined ? fileURLToPath(new URL('generated', import.meta.url)) : resolve(given)
try {
  if (given === undefined) {
    await mkdir(folder, { recursive: true })
    await writeService(folder)
  }
  const times = new Map<Variant, LintTime[]>(variants.map((variant) => [variant, []]))
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever goes first: a slow moment of the machine meets all.
    for (let turn = 0; turn < variants.length; turn++) {
      const variant = variants[(round + turn) % variants.length]!
      times.get(variant)!.push(await lintOnce(variant))
    }
  }
  // What else the machine does only ever adds: the quickest round is the nearest to what the work takes.
  const seconds = (variant: Variant) => Math.min(...times.get(variant)!.map(({ cpu }) => cpu))
  const baseline = seconds('no rule')
  const { files } = times.get('no rule')![0]!
  console.log(`${files} files with types and no rule: ${baseline.toFixed(2)} s of CPU`)
  for (const [variant, target] of Object.entries(targets) as [Variant, number][]) {
    const { reports } = times.get(variant)![0]!
    const ratio = (seconds(variant) / baseline).toFixed(3)
    console.log(`${variant.padEnd(14)} ${ratio} × no rule, target ≤ ${target}; ${reports} reports`)
  }
} finally {
  if (given === undefined) await rm(folder, { recursive: true, force: true })
}

async function lintOnce(variant: Variant): Promise<LintTime> {
  const script = join(import.meta.dirname, 'lint-once.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', script, folder, variant],
    {
      cwd: import.meta.dirname,
      maxBuffer: 1 << 26,
    },
  )
  return JSON.parse(stdout) as LintTime
}
