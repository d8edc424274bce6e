/** A builder, which starts only when it is awaited, would be started by whoever awaits it, outside of where it was made. */
export function started(result: unknown): unknown {
  if (result instanceof Promise || !isThenable(result)) return result
  return new Promise((resolve, reject) => {
    result.then(resolve, reject)
  })
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function'
}
