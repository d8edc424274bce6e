import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { isFunction } from '../syntax/function-node.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { goesOn, lineStart, remove, type Edit } from './edits.ts'

type Source = Readonly<TSESLint.SourceCode>
type Statement = TSESTree.Statement

/** Puts the statements of `block`, which stands in `statement`, in its place, in braces only where they are needed. */
export function inlineBlock(
  source: Source,
  syntax: EstreeSyntax,
  statement: Statement,
  block: TSESTree.BlockStatement,
): Edit[] | undefined {
  if (hoists(syntax, block)) return undefined
  const [open, close] = [source.getFirstToken(block), source.getLastToken(block)]
  const first = open && source.getTokenAfter(open, { includeComments: true })
  const last = close && source.getTokenBefore(close, { includeComments: true })
  if (first == null || last == null) return undefined
  const [start, end] = statement.range
  if (
    needsBraces(statement, block) ||
    !canFollow(source, block) ||
    source.text.startsWith('//', last.range[0])
  )
    return [remove(start, block.range[0]), remove(block.range[1], end)]
  return [
    remove(start, first.range[0]),
    ...dedent(source, statement, first, last),
    remove(last.range[1], endsOpen(source, block) && source.text[end - 1] === ';' ? end - 1 : end),
  ]
}

/** `var` and functions are seen outside of the block that they stand in. */
function hoists(syntax: EstreeSyntax, block: TSESTree.BlockStatement): boolean {
  for (const node of nodesIn<TSESTree.Node>(syntax, block, (child) => !isFunction(child))) {
    if (node.type === AST_NODE_TYPES.VariableDeclaration && node.kind === 'var') return true
  }
  return block.body.some(({ type }) => type === AST_NODE_TYPES.FunctionDeclaration)
}

const plain = /^(?:Expression|If|For|ForOf|ForIn|While|DoWhile|Block|Return|Throw|Switch|Try)Statement$/u

function needsBraces({ parent }: Statement, block: TSESTree.BlockStatement): boolean {
  const isAmongOthers =
    parent.type === AST_NODE_TYPES.BlockStatement || parent.type === AST_NODE_TYPES.Program
  return !isAmongOthers || !block.body.every(({ type }) => plain.test(type))
}

/** Its first word does not go on with a statement before it that has no semicolon. */
function canFollow(source: Source, block: TSESTree.BlockStatement): boolean {
  const [first] = block.body
  const word = first && source.getFirstToken(first)
  return word != null && !goesOn.test(word.value)
}

/** Its last statement ends without a semicolon of its own. */
function endsOpen(source: Source, block: TSESTree.BlockStatement): boolean {
  const last = block.body.at(-1)
  return (
    last !== undefined &&
    /^(?:Expression|Return|Throw)/u.test(last.type) &&
    source.getLastToken(last)?.value !== ';'
  )
}

/** Moves the lines after the first as far to the left as the first goes; never within a text. */
function dedent(source: Source, statement: Statement, first: TSESTree.Token, last: TSESTree.Token): Edit[] {
  const from = indentation(source, statement.range[0])
  const by = indentation(source, first.range[0]).length - from.length
  if (by <= 0 || first.loc.start.line === statement.loc.start.line) return []
  const texts = source
    .getTokens(statement, { includeComments: true })
    .filter(({ loc }) => loc.start.line < loc.end.line)
  const edits: Edit[] = []
  for (let line = first.loc.start.line + 1; line <= last.loc.end.line; line++) {
    if (texts.some(({ loc }) => loc.start.line < line && line <= loc.end.line)) continue
    const start = source.getIndexFromLoc({ line, column: 0 })
    if (indentation(source, start).length >= by) edits.push(remove(start, start + by))
  }
  return edits
}

function indentation(source: Source, offset: number): string {
  return /^[ \t]*/u.exec(source.text.slice(lineStart(source, offset)))![0]
}
