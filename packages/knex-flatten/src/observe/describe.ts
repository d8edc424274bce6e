import { explanations } from './kinds.ts'
import type { Observation, ObservationKind, ObservedParty } from './observation.ts'

/** Observations for a terminal: by kind, the most frequent place first. */
export function describe(observations: readonly Observation[]): string {
  if (observations.length === 0) return 'Nothing was seen that flattening would have changed.'
  const kinds = (Object.keys(explanations) as ObservationKind[]).map((kind) =>
    observations.filter((one) => one.kind === kind).sort((one, other) => other.count - one.count),
  )
  return kinds
    .filter((places) => places.length > 0)
    .map(describeKind)
    .join('\n\n')
}

function describeKind(places: readonly Observation[]): string {
  const { kind } = places[0]!
  const { now, flattened } = explanations[kind]
  const times = places.reduce((sum, { count }) => sum + count, 0)
  return [
    `${kind}: ${count(times, 'time')} at ${count(places.length, 'place')}`,
    `  ${now}`,
    `  Flattened, ${flattened}`,
    ...places.map(describePlace),
  ].join('\n')
}

function describePlace(seen: Observation): string {
  const { scope, transaction, call, statement, code, error } = seen
  const what = [error, code].filter((one) => one !== null).join(' ')
  return [
    `  ${seen.count} × ${scope ? `${party('scope', scope)} in ` : ''}${party('transaction', transaction)}`,
    call && `      ended at ${call}`,
    statement && `      ${statement}`,
    what && `      ${what}`,
    `      ${seen.count > 1 ? `${seen.firstSeen} to ` : ''}${seen.lastSeen}`,
  ]
    .filter(Boolean)
    .join('\n')
}

function party(word: string, { name, place }: ObservedParty): string {
  return [word, name && `"${name}"`, place && `(opened at ${place})`].filter(Boolean).join(' ')
}

function count(times: number, word: string): string {
  return `${times} ${word}${times === 1 ? '' : 's'}`
}
