import * as typescriptParser from '@typescript-eslint/parser'
import { Linter } from 'eslint'
import ts from 'typescript'
import plugin, { rules } from '../src/index.ts'
import { programOf } from './program-of.ts'

/** Every rule, also those that no preset switches on. */
export const everyRule: Linter.Config = {
  plugins: { 'knex-flatten': plugin },
  rules: Object.fromEntries(Object.keys(rules).map((name) => [`knex-flatten/${name}`, 'error'])),
}

/** As much of Knex and of pg as types need. */
const packages = {
  '/app/node_modules/knex/index.d.ts': `
    export interface Knex {
      (table?: any): Knex.QueryBuilder
      transaction(work: (trx: Knex.Transaction) => any, config?: Knex.TransactionConfig): Promise<any>
      transaction(config?: Knex.TransactionConfig): Promise<Knex.Transaction>
      transactionProvider(): () => Promise<Knex.Transaction>
      batchInsert(table: string, rows: readonly any[]): Knex.QueryBuilder
      raw(sql: string, bindings?: any): Knex.Raw
      schema: any; migrate: any; fn: any; client: any; isTransaction?: boolean
    }
    export namespace Knex {
      interface TransactionConfig { isolationLevel?: string; readOnly?: boolean }
      interface Transaction extends Knex { commit(value?: any): any; rollback(error?: any): any; savepoint(work: any): any }
      interface QueryBuilder { [method: string]: any }
      interface Raw { [method: string]: any }
    }
    export default function knex(config: any): Knex`,
  '/app/node_modules/pg/index.d.ts':
    'export class Client { query(text: any, values?: any): any } export class Pool extends Client {}',
}

const options: ts.CompilerOptions = {
  noLib: true,
  types: [],
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  allowJs: true,
  noEmit: true,
}

const linter = new Linter({ cwd: '/app' })

/** Lints `/app/file.ts` by every rule with the types of a program of these files, which are on no disk. */
export function lintTyped(files: Readonly<Record<string, string>>): Linter.LintMessage[] {
  const texts = new Map(Object.entries({ ...packages, ...files }))
  const parserOptions = { programs: [programOf(texts, options, Object.keys(files))] }
  const languageOptions = { parser: typescriptParser, parserOptions }
  const path = '/app/file.ts'
  return linter.verify(files[path]!, [{ files: ['**/*.ts'], languageOptions, ...everyRule }], path)
}

/** The same of one text without types; `parser` is ESLint's own where it is not said. */
export function lintUntyped(code: string, parser?: Linter.Parser): Linter.LintMessage[] {
  const languageOptions = parser === undefined ? {} : { parser }
  const path = parser === undefined ? '/app/file.js' : '/app/file.ts'
  return linter.verify(code, [{ files: ['**/*.{ts,js}'], languageOptions, ...everyRule }], path)
}
