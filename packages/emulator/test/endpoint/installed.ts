import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program of PostgreSQL's own, where it is installed; where not, its tests are skipped, which is said here. */
export function installed(program: 'psql' | 'pgbench'): string | undefined {
  const folders = ['18', '17', '16', '15', '14'].map((version) => `/usr/lib/postgresql/${version}/bin`)
  const found = [...folders, ...(process.env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
  if (found === undefined) {
    console.warn(
      `SKIPPED: the tests with ${program}, which is not installed (install postgresql-client / -contrib)`,
    )
  }
  return found
}
