import type { CallSite } from '../transaction/call-site.ts'
import { shortenSql, sqlstateOf } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import type { Observation, ObservationKind, ObservedParty } from './observation.ts'

/** Something seen once, as it is told to the log. */
export interface Sighting {
  readonly kind: ObservationKind
  /** The root, or the scope concerned. */
  readonly frame: Frame
  readonly call?: CallSite | undefined
  readonly error?: unknown
  readonly sql?: string | undefined
}

/** More places than anybody reads; what a process meets beyond them is only counted. */
const MOST_PLACES = 500

const nobody: ObservedParty = { name: null, place: null }

/** What was seen, merged by kind and place: it does not grow with the number of transactions. */
export class ObservationLog {
  readonly #places = new Map<string, Observation>()

  add(sighting: Sighting): void {
    const seen = tell(sighting)
    const key = keyOf(seen)
    const full = this.#places.size >= MOST_PLACES && !this.#places.has(key)
    if (full) this.#merge('', { ...seen, ...elsewhere })
    else this.#merge(key, seen)
  }

  /** By kind and place, in the order they were first seen. */
  get all(): readonly Observation[] {
    return [...this.#places.values()]
  }

  #merge(key: string, seen: Observation): void {
    const before = this.#places.get(key)
    const merged = before ? { ...seen, count: before.count + 1, firstSeen: before.firstSeen } : seen
    this.#places.set(key, Object.freeze(merged))
  }
}

const elsewhere: Partial<Observation> = {
  kind: 'other-places',
  transaction: nobody,
  scope: null,
  call: null,
  statement: null,
  code: null,
  error: null,
}

function tell({ kind, frame, call, error, sql }: Sighting): Observation {
  const now = new Date().toISOString()
  return {
    kind,
    count: 1,
    firstSeen: now,
    lastSeen: now,
    transaction: partyOf(frame.root),
    scope: frame === frame.root ? null : partyOf(frame),
    call: call?.toString() ?? null,
    statement: sql === undefined ? null : shortenSql(sql),
    code: sqlstateOf(error) ?? null,
    error: classOf(error),
  }
}

function partyOf({ name, site }: Frame): ObservedParty {
  return { name: name ?? null, place: site.toString() ?? null }
}

/** Names may be made up for each transaction; they count only where there is no place. */
function keyOf({ kind, transaction, scope, call }: Observation): string {
  return JSON.stringify([
    kind,
    transaction.place ?? transaction.name,
    scope && (scope.place ?? scope.name),
    call,
  ])
}

function classOf(error: unknown): string | null {
  if (error === undefined) return null
  try {
    return error instanceof Error ? error.constructor.name : typeof error
  } catch {
    return null
  }
}
