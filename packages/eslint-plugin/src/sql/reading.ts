import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isOtherDatabase } from './other-database.ts'
import { siteAt, type SqlNode, type SqlSite } from './sites.ts'
import { sqlHitsIn, type SqlHit } from './sql-hits.ts'
import { sqlTextsOf } from './text-of.ts'

interface Reading {
  readonly hits: Map<SqlNode, readonly SqlHit[]>
  /** What was found, by row and place: a constant may be used more than once. */
  readonly seen: Set<string>
}

const readings = new WeakMap<LintedFile, Reading>()
const none: readonly SqlHit[] = []

/** How many choices of a text are looked at. */
const mostChoices = 64

/** What the SQL that is handed to `node` touches. It is read once, for all rules, and each place is told once. */
function sqlHitsAt(file: LintedFile, node: SqlNode): readonly SqlHit[] {
  const site = siteAt(file, node)
  if (site === undefined) return none
  let reading = readings.get(file)
  if (reading === undefined) readings.set(file, (reading = { hits: new Map(), seen: new Set() }))
  const known = reading.hits.get(node)
  if (known !== undefined) return known
  const hits = hitsAt(file, site, reading.seen)
  reading.hits.set(node, hits)
  return hits
}

function hitsAt(file: LintedFile, site: SqlSite, seen: Set<string>): readonly SqlHit[] {
  const { at, receiver } = site
  const texts = sqlTextsOf(file, at)
  const found = texts.slice(0, mostChoices).flatMap((text) => sqlHitsIn(file.source, text, site))
  // Types are asked last: most SQL touches nothing.
  if (found.length === 0 || isOtherDatabase(file.source, receiver)) return none
  if (receiver !== undefined && file.isOnWriter(receiver)) return none
  return found.filter(({ rule, loc: { start, end } }) => {
    const key = `${rule} ${start.line}:${start.column} ${end.line}:${end.column}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Listens for SQL, and tells what each piece of it touches, if anything; `onCall` listens to all calls besides. */
export function sqlListener(
  file: LintedFile,
  report: (hits: readonly SqlHit[]) => void,
  onCall?: (call: TSESTree.CallExpression) => void,
): Pick<TSESLint.RuleListener, 'CallExpression' | 'NewExpression' | 'TaggedTemplateExpression'> {
  const listen = (node: SqlNode): void => {
    const hits = sqlHitsAt(file, node)
    if (hits.length > 0) report(hits)
  }
  return {
    CallExpression(node) {
      listen(node)
      onCall?.(node)
    },
    NewExpression: listen,
    TaggedTemplateExpression: listen,
  }
}
