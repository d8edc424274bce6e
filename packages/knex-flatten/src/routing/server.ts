/** What a server says of itself, by which two pools are told to lead to one server, or to servers that have nothing to do with each other. */
export interface ServerFacts {
  /** Where it was reached, for messages. */
  readonly host: string
  readonly inRecovery: boolean
  /** When it was started, to the microsecond: of two servers no two are the same; `undefined` where it does not say. */
  readonly started: string | undefined
  /** What a primary and its standbys have in common; `undefined` where it does not say, or what it says is not to be relied on. */
  readonly cluster: string | undefined
  readonly database: string | undefined
}

/** False also where one of them does not say. */
export function isSameServer(one: ServerFacts, other: ServerFacts): boolean {
  return one.started !== undefined && one.started === other.started && !differ(one.cluster, other.cluster)
}

/** What shows that one cannot be a copy of the other; `undefined` where nothing does. */
export function strangersBy(one: ServerFacts, other: ServerFacts): 'cluster' | 'database' | undefined {
  if (differ(one.cluster, other.cluster)) return 'cluster'
  return differ(one.database, other.database) ? 'database' : undefined
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other
}
