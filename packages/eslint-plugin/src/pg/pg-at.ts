import type { TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { syntaxOfProgram } from '../syntax/syntax-of-program.ts'
import type { PgHeld } from './held.ts'

/** What of pg an expression of a file holds: by its type where there are types, else by its name. */
export function pgAt({ services, syntax }: LintedFile, node: TSESTree.Node): PgHeld {
  if (services === undefined) return syntax.pgOf(node)
  return syntaxOfProgram(services.program).pgOf(services.esTreeNodeToTSNodeMap.get(node))
}
