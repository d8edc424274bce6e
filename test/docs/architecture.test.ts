import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}docs/architecture.md`, 'utf8')

const foldersOf = (path: string): string[] =>
  readdirSync(`${root}${path}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => name)

/** The folders named in the first column of a section's table. */
const named = (heading: string): string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `(.+?)\/`/gm)].map(([, name]) => name!)
}

it.each(foldersOf('packages'))('the architecture page names every folder of %s, and no other', (folder) => {
  expect(named(folder).sort()).toEqual(foldersOf(`packages/${folder}/src`).sort())
})

it('the architecture page names every folder of tests, and no other', () => {
  expect(named('test').sort()).toEqual(foldersOf('test').sort())
})
