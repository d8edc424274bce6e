import { EmulatorError } from '../emulator-error.ts'
import type { DatabaseUrls, ReaderDatabase } from '../reset/reader-database.ts'
import type { ForwardingReader } from '../forwarding-reader.ts'
import type { Reply } from './call.ts'

/** The same names; what was called and answered at once is awaited. */
export type Remote<T> = {
  readonly [Name in keyof T]: T[Name] extends (...values: infer Values) => infer Result
    ? (...values: Values) => Promise<Awaited<Result>>
    : T[Name] extends object
      ? Remote<T[Name]>
      : T[Name]
}

/** A reader that another process has started. That process stops it. */
export interface RemoteReader extends Omit<Remote<ForwardingReader>, 'stop' | 'database' | 'addReader'> {
  database(...values: Parameters<ForwardingReader['database']>): Promise<Remote<ReaderDatabase>>
}

/** @param url of {@link serveControl} */
export function remoteReader(url: string, urls: DatabaseUrls): RemoteReader {
  const call = (database: string | undefined, path: readonly string[], values: readonly unknown[]) =>
    send(url, { ...(database !== undefined && { database }), path, values })
  const own = {
    ...urls,
    async database(...values: Parameters<ForwardingReader['database']>): Promise<Remote<ReaderDatabase>> {
      const known = (await call(undefined, ['database'], values)) as DatabaseUrls & { name: string }
      const { name, readerUrl, primaryUrl, standbyUrl } = known
      const local = { name, readerUrl, primaryUrl, standbyUrl }
      return through(local, (path, values) => call(name, path, values)) as Remote<ReaderDatabase>
    },
  }
  return through(own, (path, values) => call(undefined, path, values)) as RemoteReader
}

/** An object whose own properties are here, and whose every other name is a method, or a group of methods, over there. */
function through(
  local: object,
  call: (path: readonly string[], values: readonly unknown[]) => Promise<unknown>,
  path: readonly string[] = [],
): unknown {
  const target = (...values: unknown[]) => call(path, values)
  return new Proxy(target, {
    get(_, name): unknown {
      if (Object.hasOwn(local, name)) return (local as Record<PropertyKey, unknown>)[name]
      // A promise resolves with what has no `then`; and whoever prints or compares it calls nothing over there.
      if (typeof name === 'symbol' || name === 'then') return undefined
      if (name in Function.prototype) return Reflect.get(target, name)
      return through({}, call, [...path, name])
    },
  })
}

async function send(url: string, call: object): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(call) })
  const reply = (await response.json()) as Reply
  if (!('error' in reply)) return reply.value
  const { name, message, code } = reply.error
  if (code !== undefined) throw new EmulatorError(code, message)
  throw Object.assign(new Error(message), { name })
}
