import type { ParserServicesWithTypeInformation, TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { Handle } from './knex/handle.ts'
import { isOnWriter } from './knex/writer-only.ts'
import { settingsOf, type Settings } from './settings/settings.ts'
import { EstreeSyntax } from './syntax/estree-syntax.ts'
import { createHandleAt } from './syntax/handle-at.ts'
import { programOf } from './syntax/program-of.ts'

type Source = Readonly<TSESLint.SourceCode>

/** A file as every rule looks at it: what one rule has found out, the others need not. */
export interface LintedFile {
  readonly source: Source
  readonly path: string
  readonly settings: Settings
  /** ESLint's tree, this file alone. */
  readonly syntax: EstreeSyntax
  /** The parser's services, where they carry types. */
  readonly services: ParserServicesWithTypeInformation | undefined
  /** What an expression holds: by its type where there are types, else by its name. */
  readonly handleAt: (node: TSESTree.Node) => Handle
  /** Whether what `node` holds comes from something that `writerOnly` names: forwarding is then no matter. */
  readonly isOnWriter: (node: TSESTree.Node) => boolean
}

const files = new WeakMap<Source, LintedFile>()

/** What the rule's context is about; the same object for every rule that looks at the file. */
export function lintedFile(
  context: Pick<
    Readonly<TSESLint.RuleContext<string, readonly unknown[]>>,
    'sourceCode' | 'filename' | 'settings'
  >,
): LintedFile {
  const { sourceCode: source, filename: path } = context
  const settings = settingsOf(context)
  const known = files.get(source)
  if (known?.settings === settings) return known
  const syntax = new EstreeSyntax(source, path)
  const handles = new WeakMap<TSESTree.Node, Handle>()
  const ask = createHandleAt(source, syntax)
  const file: LintedFile = {
    source,
    path,
    settings,
    syntax,
    services: programOf(source),
    handleAt(node) {
      const handle = handles.get(node) ?? ask(node)
      handles.set(node, handle)
      return handle
    },
    isOnWriter: (node) => isOnWriter(syntax, settings.writerOnly, node),
  }
  files.set(source, file)
  return file
}
