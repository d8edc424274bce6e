import type { TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { endsOf } from './ends.ts'
import type { Extent } from './extent.ts'
import { findExtents, type FoundExtents } from './find-extents.ts'
import { momentOf } from './moment.ts'
import { isOpenAt } from './still-open.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

/** Which transactions are open where, in one file. */
export class Extents {
  readonly #file: LintedFile
  readonly #found: FoundExtents

  constructor(file: LintedFile) {
    this.#file = file
    this.#found = findExtents(file)
  }

  /** Every extent of the file. */
  get all(): readonly Extent[] {
    return this.#found.all
  }

  /** The transactions that are surely open while `node` runs, innermost first; none where that depends. */
  at(node: TSESTree.Node): readonly Extent[] {
    return this.all.length === 0 ? [] : this.#at(node, [])
  }

  #at(node: TSESTree.Node, asked: readonly TSESTree.Node[]): Extent[] {
    const open: Extent[] = []
    for (const [above, child] of ancestorsOf(node)) {
      for (const extent of this.#found.byRoot.get(above) ?? []) {
        const hasBegun = extent.start === undefined || extent.start.range[1] <= child.range[0]
        if (hasBegun && isOpenAt(endsOf(this.#file, extent), extent, node)) open.push(extent)
      }
      if (!isFunction(above)) continue
      const moment = momentOf(this.#file, above)
      if (moment.kind === 'later') break
      if (moment.kind === 'calls') {
        open.push(...this.#atAll(moment.sites, above, asked))
        break
      }
    }
    return open
  }

  /** What is open wherever a function is called. */
  #atAll(sites: readonly TSESTree.Node[], fn: TSESTree.Node, asked: readonly TSESTree.Node[]): Extent[] {
    if (asked.includes(fn)) return []
    const fromOutside = sites.filter((site) => !isWithin(site, fn))
    const [first = [], ...others] = fromOutside.map((site) => this.#at(site, [...asked, fn]))
    return first.filter((extent) => others.every((open) => open.includes(extent)))
  }
}

const known = new WeakMap<object, Extents>()

/** The extents of a file, found once for all rules. */
export function extentsOf(file: LintedFile): Extents {
  const extents = known.get(file.source) ?? new Extents(file)
  known.set(file.source, extents)
  return extents
}
