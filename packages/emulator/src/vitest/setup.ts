import type { TestProject } from 'vitest/node'
import { serveControl } from '../control/serve-control.ts'
import type { ForwardingReaderOptions } from '../options.ts'
import type { ForwardingReader } from '../forwarding-reader.ts'
import { startForwardingReader } from '../start.ts'
import './provided.ts'

/** How to start the reader that a project's tests share. */
export interface SetupOptions extends ForwardingReaderOptions {
  /** Migrates and fills the database; what it leaves there is what every reset goes back to. */
  readonly prepare?: ((reader: ForwardingReader) => Promise<unknown>) | undefined
}

/** What vitest runs before the tests of a project; what it returns runs after them. */
export type GlobalSetup = (project: TestProject) => Promise<() => Promise<void>>

/**
 * A global set-up for vitest: one forwarding reader for all tests of a project. Tests find its URLs by
 * `inject('readerUrl')`, `inject('primaryUrl')` and `inject('standbyUrl')`, and all else by {@link useReader}.
 *
 * @example
 * // forwarding-reader.ts, named in vitest's option globalSetup
 * export default forwardingReader({ latencyMs: 5, prepare: ({ primaryUrl }) => migrate(primaryUrl) })
 */
export function forwardingReader({ prepare, ...options }: SetupOptions = {}): GlobalSetup {
  return async (project) => {
    const reader = await startForwardingReader(options)
    try {
      if (prepare) {
        await prepare(reader)
        await reader.snapshot()
      }
      const control = await serveControl(reader)
      project.provide('readerUrl', reader.readerUrl)
      project.provide('primaryUrl', reader.primaryUrl)
      project.provide('standbyUrl', reader.standbyUrl)
      project.provide('forwardingReaderControl', control.url)
      return () => control.stop().finally(() => reader.stop())
    } catch (error) {
      await reader.stop()
      throw error
    }
  }
}

/** The set-up with every option at its default. */
const setup: GlobalSetup = forwardingReader()
export default setup
