/**
 * What the lint rules cost: the same files linted with types and no rule, with every rule but those that follow calls into other
 * files, and with all of them, in turn, each in a process of its own. Only the ratio within a round counts: machines differ, and one
 * machine differs from minute to minute. It measures the plugin as it was built last, on code that it writes itself, or on a folder with
 * an own tsconfig.json: `tsx test/bench/lint.ts FOLDER`.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { writeService } from './generated-service.ts'
import { variants, type LintTime, type Variant } from './lint-once.ts'

const ROUNDS = 15

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
  const { files } = times.get('no rule')![0]!
  const baselines = times.get('no rule')!.map(({ cpu }) => cpu)
  console.log(`${files} files with types and no rule: ${quantile(baselines, 0.5).toFixed(2)} s of CPU`)
  for (const [variant, target] of Object.entries(targets) as [Variant, number][]) {
    const runs = times.get(variant)!
    const ratios = runs.map(({ cpu }, round) => cpu / baselines[round]!)
    const [low, median, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(3))
    console.log(
      `${variant.padEnd(14)} ${median} × no rule (quartiles ${low}, ${high}), target ≤ ${target}; ${runs[0]!.reports} reports`,
    )
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

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) * part)]!
}
