import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `    at async name (file:12:20)` or `    at file:///path/orders.ts:12:20`; a path may have parentheses of its own. */
const FRAME = /^ *at (?:async )?(?:(.*?) \()?(.+?):(\d+):(\d+)\)?$/

/** Knex's own ways in, by which it is known where a bundler has put it into the user's file. */
const KNEX_METHOD = /^(?:Object|Function|knex)\.(?:_?transaction|savepoint)$/

/** The first three are Knex's own. Each is paid for by every transaction, whether it fails or not. */
const FRAMES = 8

/** Where in the user's code something was asked for; read only when an error needs it. */
export class CallSite {
  readonly #trace: { stack?: string } = {}

  /** @param below - the function whose caller is meant; it and what it called are left out. Without it nothing is noted. */
  constructor(below?: (...args: never[]) => unknown) {
    if (!below) return
    // V8 keeps the frames as they are and writes them out on first reading of `stack`: cheap while nothing fails.
    const limit = Error.stackTraceLimit
    if (limit > FRAMES) Error.stackTraceLimit = FRAMES
    Error.captureStackTrace(this.#trace, below)
    Error.stackTraceLimit = limit
  }

  /**
   * `src/orders.ts:12:20`, relative to the working directory; `undefined` where no frame of the user's is left. Never
   * throws: whoever asks is about to roll back.
   */
  toString(): string | undefined {
    try {
      for (const line of this.#frames) {
        const place = placeOf(line)
        if (place) return place
      }
    } catch {
      // The working directory is gone.
    }
    return undefined
  }

  /** The frames as V8 writes them from the user's call on, for the stack of an error. Never throws either. */
  get framesOfUser(): readonly string[] {
    const frames = this.#frames
    try {
      const first = frames.findIndex((line) => placeOf(line) !== undefined)
      return frames.slice(Math.max(first, 0))
    } catch {
      return frames
    }
  }

  get #frames(): readonly string[] {
    try {
      return (this.#trace.stack ?? '').split('\n').slice(1)
    } catch {
      // A foreign `Error.prepareStackTrace`, which may answer anything.
      return []
    }
  }
}

/** For those whose call nobody has noted. */
export const nowhere: CallSite = new CallSite()

/** The place of a frame in code the user wrote; libraries and Node itself are passed over. */
function placeOf(line: string): string | undefined {
  const [, name = '', file, row, column] = FRAME.exec(line) ?? []
  if (!file || file.startsWith('node:') || file.startsWith('eval at ')) return undefined
  if (/[\\/]node_modules[\\/]/.test(file) || KNEX_METHOD.test(name)) return undefined
  const path = file.startsWith('file://') ? fileURLToPath(file) : file
  const short = relative(process.cwd(), path)
  return `${short.startsWith('..') ? path : short}:${row}:${column}`
}
