import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const manifest = require.resolve('@knex-flatten/emulator/package.json')

/** A file of this package, found from its source as well as from its build. */
export function ownFile(...segments: string[]): string {
  return join(dirname(manifest), ...segments)
}

/** The entry of an installed package that this one depends on, or undefined. */
export function dependency(name: string): string | undefined {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}
