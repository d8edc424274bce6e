import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import parser from '@typescript-eslint/parser'
import { ESLint } from 'eslint'
import knexFlatten from 'eslint-plugin-knex-flatten'
import { bad, say, title } from '../terminal/narrator.ts'
import type { StepResult } from './step.ts'

const FOLDER = fileURLToPath(new URL('../..', import.meta.url))

/** The lines of the shop that cannot run on a forwarding reader, and the rule that must name each. */
const BREAKING: readonly (readonly [rule: string, file: string, code: string])[] = [
  ['no-nested-transaction', 'orders.ts', 'await getOrCreateCustomer(trx, email)'],
  ['no-nested-transaction', 'orders.ts', 'await trx.batchInsert('],
  ['no-nested-transaction', 'orders.ts', 'await reserveStock(trx, lines)'],
  ['no-nested-transaction', 'orders.ts', 'await openAccount(trx, customer)'],
  ['no-nested-transaction', 'orders.ts', 'await welcome(trx, customer)'],
  ['no-nested-transaction', 'stock.ts', 'await writeAudit(trx,'],
]

interface Report {
  readonly file: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

/** The linter over the same source: it names the lines that break, before anything runs. */
export async function lint(): Promise<StepResult> {
  title('4  The linter over the same source')
  const eslint = new ESLint({
    cwd: FOLDER,
    overrideConfigFile: true,
    overrideConfig: [
      {
        files: ['**/*.ts'],
        languageOptions: { parser, parserOptions: { projectService: true, tsconfigRootDir: FOLDER } },
      },
      knexFlatten.configs['recommended-type-checked'],
    ],
  })
  const results = await eslint.lintFiles(['src/shop/**/*.ts'])
  const reports = results.flatMap(({ filePath, messages }) =>
    messages.map(({ line, ruleId, message }): Report => ({
      file: relative(FOLDER, filePath),
      line,
      rule: (ruleId ?? 'does not parse').replace('knex-flatten/', ''),
      message,
    })),
  )
  for (const { file, line, rule, message } of reports) {
    bad(`${file}:${line}  ${rule}`)
    say(`    ${message}`)
  }
  const missed: string[] = []
  for (const [rule, file, code] of BREAKING) {
    const path = `src/shop/${file}`
    const source = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
    const line = source.split('\n').findIndex((text) => text.includes(code)) + 1
    if (!reports.some((report) => report.file === path && report.line === line && report.rule === rule)) {
      missed.push(`${path}:${line} ${rule}`)
    }
  }
  if (missed.length > 0) bad(`Missed: ${missed.join(', ')}`)
  return {
    claim: 'the linter names every line that breaks',
    seen: `${BREAKING.length - missed.length} of ${BREAKING.length} lines, ${reports.length} reports`,
    holds: missed.length === 0,
  }
}
