import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { EventMessages } from 'knex-flatten'

const current = new AsyncLocalStorage<Map<string, Set<string>>>()

subscribe('knex-flatten:route', (message) => {
  const { target, reason } = (message as EventMessages['knex-flatten:route']).route
  const routes = current.getStore()
  routes?.set(target, (routes.get(target) ?? new Set()).add(reason))
})

/** Runs a request's work, and tells where it ran and why, as the library itself has told: `reader (forwards, reads)`. */
export async function watchRoutes<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly ranOn: string }> {
  const routes = new Map<string, Set<string>>()
  const result = await current.run(routes, work)
  const ranOn = [...routes].map(([target, reasons]) => `${target} (${[...reasons].join(', ')})`).join(', ')
  return { result, ranOn }
}
