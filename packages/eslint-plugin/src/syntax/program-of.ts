import { createRequire } from 'node:module'
import type { ParserServicesWithTypeInformation, TSESLint } from '@typescript-eslint/utils'
import type * as ts from 'typescript'

/** The parser's services where they carry types; `undefined` with any other parser, and under oxlint, where they are empty. */
export function programOf(
  source: Readonly<TSESLint.SourceCode>,
): ParserServicesWithTypeInformation | undefined {
  const services = (source.parserServices ?? {}) as Partial<ParserServicesWithTypeInformation>
  return services.program && services.esTreeNodeToTSNodeMap
    ? (services as ParserServicesWithTypeInformation)
    : undefined
}

let loaded: typeof ts | undefined

/**
 * The TypeScript that made a program, loaded only where there is one.
 *
 * @throws {Error} where the parser has another TypeScript, whose trees this one would misread.
 */
export function typescriptOf(program: ts.Program): typeof ts {
  loaded ??= createRequire(import.meta.url)('typescript') as typeof ts
  const [file] = program.getSourceFiles()
  if (file !== undefined && !loaded.isSourceFile(file)) {
    throw new Error(
      `eslint-plugin-knex-flatten loads TypeScript ${loaded.version}, but the parser made its program with another version. Install one version of typescript for both.`,
    )
  }
  return loaded
}
