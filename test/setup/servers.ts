import { startForwardingReader } from '@knex-flatten/emulator'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    primaryUrl: string
    standbyUrl: string
    readerUrl: string
  }
}

/** One primary, one standby and one forwarding reader for all tests of the project; `inject('readerUrl')` gets at them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const reader = await startForwardingReader()
  project.provide('primaryUrl', reader.primaryUrl)
  project.provide('standbyUrl', reader.standbyUrl)
  project.provide('readerUrl', reader.readerUrl)
  return () => reader.stop()
}
