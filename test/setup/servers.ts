import { startForwardingReader } from '@knex-flatten/emulator'
import pg from 'pg'
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
  await Promise.all([reader.primaryUrl, reader.standbyUrl].map(logDatabases))
  return () => reader.stop()
}

/** Makes a server put each line's database into its log, so that a test file finds its own. */
async function logDatabases(url: string): Promise<void> {
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query(`alter system set log_line_prefix = '%m [%p] %d '`)
  await admin.query('select pg_reload_conf()')
  await admin.end()
  // What a new session shows is what the sessions of the tests will do.
  for (let applied = false; !applied;) {
    const session = new pg.Client(url)
    await session.connect()
    applied = (await session.query('show log_line_prefix')).rows[0].log_line_prefix.includes('%d')
    await session.end()
  }
}
