/** Settles as the promise does, or rejects with `late()` once it has taken too long. */
export async function withinTime<Value>(
  limitMs: number,
  promise: PromiseLike<Value> | Value,
  late: () => Error,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const overdue = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs)
  })
  try {
    return await Promise.race([promise, overdue])
  } finally {
    clearTimeout(timer)
  }
}
