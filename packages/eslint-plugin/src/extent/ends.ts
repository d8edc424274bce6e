import { classify } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import type { Extent } from './extent.ts'
import { momentOf } from './moment.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

/** Functions that end the transaction that they are handed, by their names. */
const endingName = /commit|rollback|roll_back|abort/iu

const known = new WeakMap<Extent, readonly TSESTree.Node[]>()

/** Everything in an extent's root that ends its transaction: `trx.commit()`, `client.query('ROLLBACK')`, `finish(trx)`. */
export function endsOf(file: LintedFile, extent: Extent): readonly TSESTree.Node[] {
  const ends = known.get(extent) ?? findEnds(file, extent)
  known.set(extent, ends)
  return ends
}

function findEnds(file: LintedFile, { variable, root, kind }: Extent): TSESTree.Node[] {
  return (variable?.references ?? [])
    .map(({ identifier }) => endBy(file, identifier as TSESTree.Node, kind === 'client'))
    .filter((end) => end !== undefined)
    .flatMap((end) => whereItRuns(file, end, root))
}

/** The end that a mention of a transaction, or of a client of pg, is a part of. */
function endBy(file: LintedFile, mention: TSESTree.Node, isClient: boolean): TSESTree.Node | undefined {
  const { parent } = mention
  if (parent?.type === AST_NODE_TYPES.CallExpression && parent.callee !== mention) {
    return endingName.test(file.syntax.calledName(parent) ?? '') ? parent : undefined
  }
  if (parent?.type !== AST_NODE_TYPES.MemberExpression || parent.object !== mention) return undefined
  const name = ASTUtils.getPropertyName(parent)
  if (isClient) return name === 'query' || name === 'release' ? endByClient(parent, name) : undefined
  return name === 'commit' || name === 'rollback' ? parent : undefined
}

function endByClient(member: TSESTree.MemberExpression, name: string): TSESTree.Node | undefined {
  const call = member.parent
  if (call.type !== AST_NODE_TYPES.CallExpression) return undefined
  return name === 'release' || lastActionOf(call) === 'ended' ? call : undefined
}

/** What the SQL handed to `client.query(…)` leaves behind, where it is written out: a transaction begun, or one ended. */
export function lastActionOf(call: TSESTree.CallExpression): 'begun' | 'ended' | undefined {
  const text = textOf(call.arguments[0])
  if (text === undefined || !/\b(?:begin|start|commit|end|rollback|abort)\b/iu.test(text)) return undefined
  const last = classify(text)
    .map(({ transaction }) => transaction?.action)
    .findLast((action) => action === 'begin' || action === 'commit' || action === 'rollback')
  return last === undefined ? undefined : last === 'begin' ? 'begun' : 'ended'
}

function textOf(node: TSESTree.Node | undefined): string | undefined {
  switch (node?.type) {
    case AST_NODE_TYPES.Literal:
      return typeof node.value === 'string' ? node.value : undefined
    case AST_NODE_TYPES.TemplateLiteral:
      // What a hole adds is at most an isolation level.
      return node.quasis[0]?.value.cooked?.trim()
    case AST_NODE_TYPES.ObjectExpression:
      for (const property of node.properties) {
        const isText =
          property.type === AST_NODE_TYPES.Property && ASTUtils.getPropertyName(property) === 'text'
        if (isText) return textOf(property.value)
      }
      return undefined
    default:
      return undefined
  }
}

/** An end within a function runs where that function does; one that is kept for later ends nothing here. */
function whereItRuns(file: LintedFile, end: TSESTree.Node, root: TSESTree.Node, depth = 0): TSESTree.Node[] {
  if (!isWithin(end, root) || depth > 4) return []
  for (const [above] of ancestorsOf(end)) {
    if (above === root) break
    if (!isFunction(above)) continue
    const moment = momentOf(file, above)
    if (moment.kind === 'later') return []
    if (moment.kind === 'calls')
      return moment.sites.flatMap((site) => whereItRuns(file, site, root, depth + 1))
  }
  return [end]
}
