import { join } from 'node:path'
import * as typescriptParser from '@typescript-eslint/parser'
import { ESLint as ESLint10, type Linter } from 'eslint'
import { ESLint as ESLint9 } from 'eslint-9'
import plugin from '../src/index.ts'

export const fixtures: string = join(import.meta.dirname, 'fixtures')

/** ESLint by its major version. */
export const versions = { 9: ESLint9 as unknown as typeof ESLint10, 10: ESLint10 }

export type Version = keyof typeof versions

/**
 * Types of the fixtures' program. Where CI is set the parser would otherwise read each file once, from the disk, and not the text
 * that it is handed.
 */
export const withTypes: Linter.ParserOptions = {
  project: './tsconfig.json',
  tsconfigRootDir: fixtures,
  disallowAutomaticSingleRunInference: true,
}

/** What ESLint says of a text as a file of the fixtures, under these configurations and no other. */
export async function lintUnder(
  configs: readonly Linter.Config[],
  code: string,
  file = 'file.ts',
  version: Version = 10,
): Promise<Linter.LintMessage[]> {
  const eslint = new versions[version]({
    cwd: fixtures,
    overrideConfigFile: true,
    overrideConfig: [...configs],
  })
  const [result] = await eslint.lintText(code, { filePath: join(fixtures, file) })
  return result!.messages
}

/** Lints a text as a file of the fixtures, with or without their types. */
export function lint(
  code: string,
  config: Linter.Config,
  { version = 10, types = true }: { version?: Version; types?: boolean } = {},
): Promise<Linter.LintMessage[]> {
  const languageOptions = { parser: typescriptParser, parserOptions: types ? withTypes : {} }
  const configs = [{ files: ['**/*.ts'], languageOptions }, { plugins: { 'knex-flatten': plugin } }, config]
  return lintUnder(configs, code, 'file.ts', version)
}
