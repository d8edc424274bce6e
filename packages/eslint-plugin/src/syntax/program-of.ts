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

/** TypeScript, loaded only where a program says that it is there. */
export function typescript(): typeof ts {
  loaded ??= createRequire(import.meta.url)('typescript') as typeof ts
  return loaded
}
