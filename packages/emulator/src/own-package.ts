import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const manifest = require.resolve('@knex-flatten/emulator/package.json')

/** A file of this package, found from its source as well as from its build. */
export function ownFile(...segments: string[]): string {
  return join(dirname(manifest), ...segments)
}

/** The entries of an installed package: the one that this package finds, then the one that the running project finds. */
export function installed(name: string): string[] {
  const project = createRequire(join(process.cwd(), 'package.json'))
  return [require, project].flatMap((from) => {
    try {
      return [from.resolve(name)]
    } catch {
      return []
    }
  })
}
