import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { controlsOf, type Control } from '../pg/transaction-control.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import type { Extent } from './extent.ts'
import { momentOf } from './moment.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'
import { syntaxOfProgram } from '../syntax/syntax-of-program.ts'

/** Functions that end the transaction that they are handed, by their names. */
export const endingName: RegExp = /commit|rollback|roll_back|abort/iu

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
  if (isClient) return endByClient(file, parent, name)
  return name === 'commit' || name === 'rollback' ? parent : undefined
}

function endByClient(
  file: LintedFile,
  member: TSESTree.MemberExpression,
  name: string | null,
): TSESTree.Node | undefined {
  const call = member.parent
  if (call.type !== AST_NODE_TYPES.CallExpression || call.callee !== member) return undefined
  if (name === 'release' || name === 'end') return call
  return name === 'query' && lastControlOf(file, call) === 'end' ? call : undefined
}

/** What the SQL handed to `client.query(…)` leaves behind, where it can be told: a transaction begun, or one ended. */
export function lastControlOf(file: LintedFile, call: TSESTree.CallExpression): Control | undefined {
  const here = controlsOf(file.syntax, call).at(-1)
  const type = call.arguments[0]?.type
  const isNamed = type === AST_NODE_TYPES.Identifier || type === AST_NODE_TYPES.MemberExpression
  if (here !== undefined || file.services === undefined || !isNamed) return here
  // A constant of another file.
  const { program, esTreeNodeToTSNodeMap } = file.services
  return controlsOf(syntaxOfProgram(program), esTreeNodeToTSNodeMap.get(call)).at(-1)
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
