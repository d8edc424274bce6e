import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This library's own files; installed, they stand below node_modules anyway. */
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url))

/** `    at async name (file:12:20)` or `    at file:///path/orders.ts:12:20` */
const FRAME = /(?:\(|^ *at (?:async )?)((?:file:\/\/)?[^()]+):(\d+):(\d+)\)?$/

/** Where in the user's code something was asked for; read only when an error needs it. */
export class CallSite {
  readonly #trace: { stack?: string } = {}

  constructor() {
    // V8 keeps the frames as they are and writes them out on first reading of `stack`: cheap while nothing fails.
    Error.captureStackTrace(this.#trace)
  }

  /** `src/orders.ts:12:20`, relative to the working directory; `undefined` where no frame of the user's is left. */
  toString(): string | undefined {
    for (const line of (this.#trace.stack ?? '').split('\n')) {
      const place = placeOf(line)
      if (place) return place
    }
    return undefined
  }
}

/** The place of a frame in code the user wrote; libraries, this one among them, and Node itself are passed over. */
function placeOf(line: string): string | undefined {
  const [, file, row, column] = FRAME.exec(line) ?? []
  if (!file || file.startsWith('node:') || /[\\/]node_modules[\\/]/.test(file)) return undefined
  const path = file.startsWith('file://') ? fileURLToPath(file) : file
  if (path.startsWith(OWN_FOLDER)) return undefined
  const short = relative(process.cwd(), path)
  return `${short.startsWith('..') ? path : short}:${row}:${column}`
}
