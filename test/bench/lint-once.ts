/** One run of ESLint over a folder in a process of its own, for `lint.ts`. */
import { pathToFileURL } from 'node:url'
import * as parser from '@typescript-eslint/parser'
import { ESLint, type Linter } from 'eslint'
import plugin from 'eslint-plugin-knex-flatten'

export const variants = ['no rule', 'within files', 'all rules'] as const

export type Variant = (typeof variants)[number]

export interface LintTime {
  /** Seconds of processor time: what else the machine does counts little. */
  readonly cpu: number
  readonly files: number
  readonly reports: number
}

/** Rules that follow calls into other files. */
const acrossFiles: ReadonlySet<string> = new Set(
  [
    'no-nested-transaction',
    'no-foreign-connection',
    'no-conflicting-scope-options',
    'no-side-effect-in-transaction',
  ].map((name) => `knex-flatten/${name}`),
)

function rulesOf(variant: Variant): Linter.RulesRecord {
  const all = Object.entries(plugin.configs.strict.rules!) as [string, Linter.RuleEntry][]
  if (variant === 'no rule') return {}
  return Object.fromEntries(all.filter(([name]) => variant === 'all rules' || !acrossFiles.has(name)))
}

async function lint(folder: string, variant: Variant): Promise<LintTime> {
  const eslint = new ESLint({
    cwd: folder,
    overrideConfigFile: true,
    overrideConfig: [
      { plugins: { 'knex-flatten': plugin }, linterOptions: { reportUnusedDisableDirectives: 'off' } },
      {
        files: ['**/*.ts'],
        languageOptions: { parser, parserOptions: { project: './tsconfig.json', tsconfigRootDir: folder } },
        rules: rulesOf(variant),
      },
    ],
  })
  const before = process.cpuUsage()
  const results = await eslint.lintFiles(['**/*.ts'])
  const { user, system } = process.cpuUsage(before)
  const reports = results.reduce((sum, { messages }) => sum + messages.length, 0)
  return { cpu: (user + system) / 1e6, files: results.length, reports }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , folder = '.', variant = 'no rule'] = process.argv
  console.log(JSON.stringify(await lint(folder, variant as Variant)))
}
