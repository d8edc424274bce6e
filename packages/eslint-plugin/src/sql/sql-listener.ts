import type { RuleId } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isOtherDatabase } from './other-database.ts'
import { sqlHitsIn, type Placeholders, type SqlHit } from './sql-hits.ts'
import { sqlTextsOf, templateText, type SqlText } from './sql-text.ts'

type Source = Readonly<TSESLint.SourceCode>
type SqlNode = TSESTree.CallExpression | TSESTree.TaggedTemplateExpression

/** What to look for. */
export interface Search {
  readonly rules: readonly RuleId[]
  /** Words that a text must have to be worth parsing. */
  readonly words: RegExp
}

/** Calls that take a whole statement first: Knex's `raw`, and `query` of pg and of what wraps it. */
const placeholdersByMethod: ReadonlyMap<string, Placeholders> = new Map([
  ['raw', 'all'],
  ['query', 'none'],
])

const tags = new Set(['sql', 'SQL', 'pgsql', 'pgSql'])

/** Finds SQL handed to a call or a tag, and reports once for each place what it touches. */
export function createSqlSearch(
  { source, isOnWriter }: LintedFile,
  { rules, words }: Search,
  report: (hit: SqlHit) => void,
): (node: SqlNode) => void {
  const seen = new Set<string>()
  return (node) => {
    const given = sqlGivenTo(source, node)
    if (given === undefined) return
    for (const text of given.texts()) {
      if (!words.test(text.map((chunk) => chunk.text).join(' '))) continue
      for (const hit of sqlHitsIn(source, text, given.placeholders, given.at)) {
        const key = `${hit.rule} ${hit.loc.start.line}:${hit.loc.start.column}`
        if (!rules.includes(hit.rule) || seen.has(key) || isOtherDatabase(source, given.receiver)) continue
        if (given.receiver !== undefined && isOnWriter(given.receiver)) continue
        seen.add(key)
        report(hit)
      }
    }
  }
}

interface Given {
  readonly at: TSESTree.Node
  readonly receiver: TSESTree.Node | undefined
  readonly placeholders: Placeholders
  texts(): SqlText[]
}

function sqlGivenTo(source: Source, node: SqlNode): Given | undefined {
  if (node.type === AST_NODE_TYPES.TaggedTemplateExpression) {
    const [name, receiver] = calledBy(node.tag)
    if (name === undefined || !tags.has(name)) return undefined
    const texts = () => [templateText(source, node.quasi)]
    return { at: node.quasi, receiver: receiver ?? node.tag, placeholders: 'none', texts }
  }
  const [name, receiver] = calledBy(node.callee)
  const placeholders = name === undefined ? undefined : placeholdersByMethod.get(name)
  const [at] = node.arguments
  if (placeholders === undefined || at === undefined) return undefined
  return { at, receiver, placeholders, texts: () => sqlTextsOf(source, at) }
}

function calledBy(callee: TSESTree.Node): [name: string | undefined, receiver: TSESTree.Node | undefined] {
  if (callee.type === AST_NODE_TYPES.Identifier) return [callee.name, undefined]
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return [undefined, undefined]
  return [ASTUtils.getPropertyName(callee) ?? undefined, callee.object]
}
