import { AsyncLocalStorage } from 'node:async_hooks'
import type { Frame } from './frame.ts'
import type { RootTransaction } from './root-transaction.ts'

/** Where code runs: inside a frame, or outside of any on purpose, within another position, and so on outwards. */
interface Position {
  /** `undefined` where the transactions around are suspended. */
  readonly frame: Frame | undefined
  /** Whose position it is; see {@link RootTransaction.owner}. */
  readonly owner: object
  readonly outer: Position | undefined
}

const storage = new AsyncLocalStorage<Position>()

/** Runs a callback so that whatever it starts, now or later, knows in which transaction or scope it was started. */
export function runInside<Result>(frame: Frame, callback: () => Result): Result {
  return storage.run({ frame, owner: frame.root.owner, outer: firstAlive(storage.getStore()) }, callback)
}

/** Runs a callback outside of the owner's transactions, which wait meanwhile. */
export function runSuspended<Result>(owner: object, callback: () => Result): Result {
  return storage.run({ frame: undefined, owner, outer: firstAlive(storage.getStore()) }, callback)
}

/** The innermost scope inside `ancestor` whose callback is running here and has not ended. */
export function scopeRunningInside(ancestor: Frame): Frame | undefined {
  for (let position = storage.getStore(); position; position = position.outer) {
    if (!position.frame?.isWithin(ancestor)) continue
    let frame = position.frame
    while (frame !== ancestor && frame.ended) frame = frame.parent ?? ancestor
    return frame === ancestor ? undefined : frame
  }
  return undefined
}

/** The transaction or scope of the owner's that is running here, or was abandoned here, unless it is suspended or over. */
export function frameRunningHere(owner: object): Frame | undefined {
  for (let position = storage.getStore(); position; position = position.outer) {
    if (position.owner !== owner) continue
    let { frame } = position
    if (!frame || frame.root.abandoned) return frame
    while (frame?.ended) frame = frame.parent
    if (frame) return frame
  }
  return undefined
}

/** The owner's roots that wait here for what runs inside them, from the innermost. */
export function rootsAround(owner: object): Set<RootTransaction> {
  const roots = new Set<RootTransaction>()
  for (let position = storage.getStore(); position; position = position.outer) {
    const root = position.owner === owner ? position.frame?.root : undefined
    if (root && !root.ended) roots.add(root)
  }
  return roots
}

/** Transactions that are over are left out, so that a chain of them, each started by the last, does not pile up. */
function firstAlive(position: Position | undefined): Position | undefined {
  let alive = position
  while (alive && (alive.frame ? isOver(alive.frame.root) : !firstAlive(alive.outer))) alive = alive.outer
  return alive
}

function isOver({ ended, abandoned }: RootTransaction): boolean {
  return ended && !abandoned
}
