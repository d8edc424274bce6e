import { AsyncLocalStorage } from 'node:async_hooks'
import type { Frame } from './frame.ts'

const storage = new AsyncLocalStorage<Frame>()

/** Runs a callback so that whatever it starts, now or later, knows in which transaction or scope it was started. */
export function runInside<Result>(frame: Frame, callback: () => Result): Result {
  return storage.run(frame, callback)
}

/** The innermost transaction or scope whose callback is running here. */
export function currentFrame(): Frame | undefined {
  return storage.getStore()
}
