import {
  openingNames,
  openingOf,
  openingWords,
  type OpeningMethod,
  type TransactionFunctions,
} from '../knex/openings.ts'
import type { Kind } from './kind.ts'
import { livenessOf } from './liveness.ts'

/** Opening a transaction on what is passed. */
export function openings(wrappers: TransactionFunctions): Kind<OpeningMethod> {
  return {
    key: `openings ${JSON.stringify([...wrappers])}`,
    seeds: () => [...openingWords, ...wrappers.keys()],
    isFixedToo: false,
    mayBe: (_, __, name) => openingNames.has(name) || wrappers.has(name),
    deedsOf(syntax, call) {
      const opening = openingOf(syntax, call, wrappers)
      return opening === undefined ? [] : [opening]
    },
    accepts: (handle) => handle !== 'none',
    // What is a transaction for certain is reported where it stands.
    isReportedAt: (syntax, call, target) => livenessOf(syntax, call, target) === 'live',
  }
}
