import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { isForeign } from '../knex/handle-by-name.ts'
import type { LintedFile } from '../linted-file.ts'
import { pgAt } from '../pg/pg-at.ts'
import { isOtherDatabase } from '../sql/other-database.ts'
import { importsOf } from '../syntax/imports-of.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { lastControlOf } from './ends.ts'
import type { Extent } from './extent.ts'
import { handedTo } from './handed.ts'
import { callbacksOf, openedBy } from './opened-by.ts'
import { isCertain } from './still-open.ts'
import { placeOf, variableNamed, variableSetTo } from './variable-set-to.ts'
import { isFunction } from '../syntax/function-node.ts'

export interface FoundExtents {
  readonly all: readonly Extent[]
  /** The extents of each function or block, innermost first. */
  readonly byRoot: ReadonlyMap<TSESTree.Node, readonly Extent[]>
}

/** A file without any of these has no transaction to look for. */
const mayHaveSome = /trx|tx\b|transaction|begin/iu

/** Every extent that a file's text tells of. */
export function findExtents(file: LintedFile): FoundExtents {
  const { source, syntax, settings } = file
  const wrappers = settings.transactionFunctions
  const byRoot = new Map<TSESTree.Node, Extent[]>()
  const mayHave =
    mayHaveSome.test(source.text) || [...wrappers.keys()].some((name) => source.text.includes(name))
  if (!mayHave || isForeign(importsOf(source.ast))) return { all: [], byRoot }

  const add = (extent: Extent): void => {
    const others = byRoot.get(extent.root) ?? []
    // What is both handed in and opened in sight is known better by what opens it.
    const isSame = (other: Extent) =>
      other.variable !== undefined && other.variable === extent.variable && other.start === extent.start
    const kept = extent.kind === 'handed' ? others : others.filter((other) => !isSame(other))
    if (extent.kind === 'handed' && others.some(isSame)) return
    byRoot.set(extent.root, [extent, ...kept])
  }
  for (const node of nodesIn<TSESTree.Node>(syntax, source.ast)) {
    if (node.type === AST_NODE_TYPES.CallExpression) {
      for (const extent of extentsOpenedBy(file, node)) add(extent)
    } else if (isFunction(node)) {
      for (const variable of handedTo(file, node)) {
        add({ kind: 'handed', root: node, start: undefined, opening: undefined, on: undefined, variable })
      }
    }
  }
  return { all: [...byRoot.values()].flat(), byRoot }
}

function extentsOpenedBy(file: LintedFile, call: TSESTree.CallExpression): Extent[] {
  const name = file.syntax.calledName(call)
  if (name === 'query') return begunBy(file, call)
  const opened = openedBy(file, call)
  if (opened === undefined) return []
  const { on } = opened
  const callbacks = callbacksOf(file, call, opened)
  if (callbacks.length > 0) {
    return callbacks.map(({ fn, variable, isClient }) => ({
      kind: isClient ? 'client' : 'callback',
      root: fn,
      start: undefined,
      opening: call,
      on,
      variable,
    }))
  }
  const set = opened.isWrapper ? undefined : variableSetTo(file, call)
  if (set === undefined) return []
  const { variable, start, root } = set
  return [{ kind: 'started', root, start, opening: call, on, variable }]
}

/** `await client.query('BEGIN')`, where nothing keeps control from it: of a pool each query has a client of its own. */
function begunBy(file: LintedFile, call: TSESTree.CallExpression): Extent[] {
  if (call.callee.type !== AST_NODE_TYPES.MemberExpression || lastControlOf(file, call) !== 'begin') return []
  const on = call.callee.object
  const variable = variableNamed(file, on)
  const place = placeOf(call)
  if (variable === undefined || place === undefined || !isCertain(call, place.start)) return []
  if (pgAt(file, on) === 'pool' || isOtherDatabase(file.source, on)) return []
  return [{ kind: 'client', ...place, opening: call, on, variable }]
}
