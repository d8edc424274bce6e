import { AsyncLocalStorage } from 'node:async_hooks'
import type { Frame } from './frame.ts'

/** Where code runs: inside a frame, which was opened inside another transaction's frame, and so on outwards. */
interface Position {
  readonly frame: Frame
  readonly outer: Position | undefined
}

const storage = new AsyncLocalStorage<Position>()

/** Runs a callback so that whatever it starts, now or later, knows in which transaction or scope it was started. */
export function runInside<Result>(frame: Frame, callback: () => Result): Result {
  return storage.run({ frame, outer: firstAlive(storage.getStore()) }, callback)
}

/** The innermost scope inside `ancestor` whose callback is running here and has not ended. */
export function scopeRunningInside(ancestor: Frame): Frame | undefined {
  for (let position = storage.getStore(); position; position = position.outer) {
    if (!position.frame.isWithin(ancestor)) continue
    let frame = position.frame
    while (frame !== ancestor && frame.ended) frame = frame.parent ?? ancestor
    return frame === ancestor ? undefined : frame
  }
  return undefined
}

/** Transactions that are over are left out, so that a chain of them, each started by the last, does not pile up. */
function firstAlive(position: Position | undefined): Position | undefined {
  let alive = position
  while (alive?.frame.root.ended) alive = alive.outer
  return alive
}
