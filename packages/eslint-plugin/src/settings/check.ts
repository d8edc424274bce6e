import type { KnexFlattenSettings } from './settings.ts'

/** What is wrong with a value, in words for what is allowed; `undefined` where nothing is. A profile checks itself. */
const allowedByKey: Readonly<Record<keyof KnexFlattenSettings, (value: unknown) => string | undefined>> = {
  profile: () => undefined,
  transactionFunctions: (value) =>
    isListOf(value, isTransactionFunction) ? undefined : 'a list of names, or of { name, argument }',
  writerOnly: (value) => (isListOf(value, isName) ? undefined : 'a list of names'),
  ignorePaths: (value) => (isListOf(value, isName) ? undefined : 'a list of globs'),
  typeInformation: (value) =>
    value === 'optional' || value === 'required' ? undefined : '"optional" or "required"',
}

/** @throws {TypeError} naming the value that is wrong and what is allowed in its place. */
export function check(settings: unknown): KnexFlattenSettings {
  const path = "settings['knex-flatten']"
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw wrong(path, settings, 'an object')
  }
  for (const [key, value] of Object.entries(settings)) {
    if (!Object.hasOwn(allowedByKey, key)) {
      throw new TypeError(`${path} has no "${key}"; allowed: ${Object.keys(allowedByKey).join(', ')}`)
    }
    const allowed = allowedByKey[key as keyof KnexFlattenSettings](value)
    if (value !== undefined && allowed !== undefined) throw wrong(`${path}.${key}`, value, allowed)
  }
  return settings
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem)
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isTransactionFunction(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isName(value)
  const { name, argument, ...others } = value as Record<string, unknown>
  return (
    isName(name) && Number.isInteger(argument) && Number(argument) >= 0 && Object.keys(others).length === 0
  )
}

function wrong(what: string, value: unknown, allowed: string): TypeError {
  return new TypeError(`${what} is ${JSON.stringify(value)}; allowed: ${allowed}`)
}
