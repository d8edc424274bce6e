import { TransactionOptionsError } from '../errors/errors.ts'

/** What an option may be, in words and as a test. */
export interface Check {
  readonly allowed: string
  readonly holds: (value: unknown) => boolean
}

export const isBoolean: Check = { allowed: 'true or false', holds: (value) => typeof value === 'boolean' }

export const positive = (value: unknown): boolean => typeof value === 'number' && value > 0

export const milliseconds: Check = { allowed: 'a positive number of milliseconds', holds: positive }

export function oneOf(values: readonly (string | number)[]): Check {
  return { allowed: values.map(show).join(', '), holds: (value) => values.some((one) => one === value) }
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkAll(where: string, options: object, checks: Record<string, Check>): void {
  for (const [name, { allowed, holds }] of Object.entries(checks)) {
    const value = (options as Record<string, unknown>)[name]
    if (value === undefined || holds(value)) continue
    throw new TransactionOptionsError(`${where}: ${name} must be ${allowed}, not ${show(value)}.`)
  }
}

/** @throws TransactionOptionsError naming the option, and those there are. */
export function refuseUnknown(where: string, options: object, checks: Record<string, Check>): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(checks, name)) continue
    throw new TransactionOptionsError(
      `${where}: there is no option ${show(name)}. Known options: ${Object.keys(checks).join(', ')}.`,
    )
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
