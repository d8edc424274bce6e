import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { Edit } from './edits.ts'

/** Puts `outer` in the place of each mention of another variable; `undefined` where something else has that name there. */
export function renameTo(
  source: Readonly<TSESLint.SourceCode>,
  mentions: readonly TSESTree.Node[],
  outer: TSESLint.Scope.Variable,
): Edit[] | undefined {
  const { name } = outer
  const edits: Edit[] = []
  for (const mention of mentions) {
    if (mention.type !== AST_NODE_TYPES.Identifier) return undefined
    if (mention.name === name) continue
    if (ASTUtils.findVariable(source.getScope(mention), name) !== outer) return undefined
    const { parent } = mention
    const isShorthand = parent.type === AST_NODE_TYPES.Property && parent.shorthand
    edits.push({ range: mention.range, text: isShorthand ? `${mention.name}: ${name}` : name })
  }
  return edits
}
