import { join } from 'node:path'
import * as typescriptParser from '@typescript-eslint/parser'
import { ESLint as ESLint10, type Linter } from 'eslint'
import { ESLint as ESLint9 } from 'eslint-9'
import plugin from '../src/index.ts'

export const fixtures: string = join(import.meta.dirname, 'fixtures')

/** ESLint by its major version. */
export const versions = { 9: ESLint9 as unknown as typeof ESLint10, 10: ESLint10 }

export type Version = keyof typeof versions

/** Lints a text as a file of the fixtures, with or without their types. */
export async function lint(
  code: string,
  config: Linter.Config,
  { version = 10, types = true }: { version?: Version; types?: boolean } = {},
): Promise<Linter.LintMessage[]> {
  // Where CI is set the parser would read each file once, from the disk, and not the text it is handed here.
  const typed = {
    project: './tsconfig.json',
    tsconfigRootDir: fixtures,
    disallowAutomaticSingleRunInference: true,
  }
  const parserOptions = types ? typed : {}
  const eslint = new versions[version]({
    cwd: fixtures,
    overrideConfigFile: true,
    overrideConfig: [
      { files: ['**/*.ts'], languageOptions: { parser: typescriptParser, parserOptions } },
      { plugins: { 'knex-flatten': plugin } },
      config,
    ],
  })
  const [result] = await eslint.lintText(code, { filePath: join(fixtures, 'file.ts') })
  return result!.messages
}
