/** What a read waits for, as `apg_write_forward.consistency_mode` says it. */
export const consistencyModes = ['session', 'eventual', 'global', 'off'] as const

/**
 * - `session`: a session's reads show what it has written itself;
 * - `eventual`: a read never waits, and may miss even the session's own last write;
 * - `global`: a read shows whatever was committed anywhere when it began;
 * - `off`: nothing is forwarded.
 */
export type ConsistencyMode = (typeof consistencyModes)[number]

export function isConsistencyMode(text: string | undefined): text is ConsistencyMode {
  return consistencyModes.some((mode) => mode === text)
}

/** One session's values of the `apg_write_forward.*` parameters that a session may set. */
export interface ForwardSettings {
  readonly consistency: ConsistencyMode
  /** How long the writer may take to accept a session; 0: for ever. */
  readonly connectTimeoutMs: number
  /** How long a forwarded transaction may stay idle before the writer ends it; 0: for ever. */
  readonly idleInTransactionSessionTimeoutMs: number
  /** How long a session on the writer may stay idle outside a transaction; 0: for ever. */
  readonly idleSessionTimeoutMs: number
}

/** Aurora's own defaults. */
export const forwardDefaults: ForwardSettings = {
  consistency: 'session',
  connectTimeoutMs: 30_000,
  idleInTransactionSessionTimeoutMs: 86_400_000,
  idleSessionTimeoutMs: 300_000,
}
