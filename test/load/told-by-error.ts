import { AfterCommitError, CommitOutcomeUnknownError, FlattenError } from 'knex-flatten'
import type { Told } from './ledger.ts'

/** What a transaction's rejection says of it: the library knows, or says that nobody does. */
export function toldByTransaction(error: unknown): Told {
  if (error instanceof CommitOutcomeUnknownError) return 'unknown'
  return error instanceof AfterCommitError ? 'acknowledged' : 'rolled back'
}

/** What the error of a statement that commits by itself says: only a server's ERROR is certain, or that nothing was sent. */
export function toldByStatement(error: unknown): Told {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code, severity } = each as { code?: unknown; severity?: unknown }
    if (typeof severity === 'string') {
      return severity === 'ERROR' && code !== '08007' && code !== '40003' ? 'rolled back' : 'unknown'
    }
    if (each.name === 'KnexTimeoutError' || code === 'ECONNREFUSED') return 'rolled back'
    if (each instanceof FlattenError && each.cause === undefined) return 'rolled back'
  }
  return 'unknown'
}

/** By what an error is counted. */
export function labelOf(error: unknown): string {
  const { code, name, message, cause } = error as Error & { code?: unknown }
  const label = typeof code === 'string' ? code : name === 'Error' ? message.split('\n')[0]! : name
  const behind = cause as { code?: unknown } | undefined
  return typeof behind?.code === 'string' ? `${label} (${behind.code})` : label
}
