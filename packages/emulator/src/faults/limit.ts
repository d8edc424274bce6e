/** A signal that gives up when another does, or when time is over. */
export interface Limit {
  readonly signal: AbortSignal
  /** Nothing has to be limited any more. */
  clear(): void
}

/** @param timeoutMs 0: for ever */
export function limitOf(timeoutMs: number, signal: AbortSignal): Limit {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  signal.addEventListener('abort', follow, { once: true })
  const tooLate = () => controller.abort(new Error(`no answer within ${timeoutMs} ms`))
  const timer = timeoutMs > 0 ? setTimeout(tooLate, timeoutMs) : undefined
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', follow)
    },
  }
}
