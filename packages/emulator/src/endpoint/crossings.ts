/** How a transaction that crossed to the writer ended; `unknown` where the answer to its end was lost. */
export type CrossingOutcome = 'open' | 'committed' | 'rolled-back' | 'unknown'

/** One transaction (or single statement) of which something was forwarded. */
export interface CrossingTransaction {
  /** The texts that crossed, in order; COMMIT or ROLLBACK is one of them. */
  readonly statements: readonly string[]
  /** Round trips from the reader to the writer; 0 where it was sent along with the end of the one before it. */
  readonly crossings: number
  /** Milliseconds that the client waited for them, injected latency included. */
  readonly waitedMs: number
  readonly outcome: CrossingOutcome
}

/** What has crossed since the start or the last reset. */
export interface Crossings {
  readonly total: number
  /** The last thousand transactions, oldest first. */
  readonly transactions: readonly CrossingTransaction[]
}

const kept = 1000
const longestText = 1000

/** A transaction's crossings while it runs. */
export class CrossingRecord implements CrossingTransaction {
  readonly statements: string[] = []
  crossings = 0
  waitedMs = 0
  outcome: CrossingOutcome = 'open'
  readonly database: string

  constructor(database: string) {
    this.database = database
  }
}

/** Counts crossings for all sessions of an endpoint. */
export class CrossingCounter {
  #totals = new Map<string, number>()
  #records: CrossingRecord[] = []

  /** A transaction crosses for the first time. */
  open(database: string): CrossingRecord {
    const record = new CrossingRecord(database)
    this.#records.push(record)
    if (this.#records.length > kept * 2) this.#records = this.#records.slice(-kept)
    return record
  }

  count(record: CrossingRecord, texts: readonly string[]): void {
    this.#totals.set(record.database, (this.#totals.get(record.database) ?? 0) + 1)
    record.crossings++
    this.note(record, texts)
  }

  /** Texts that cross along with what was counted already. */
  note(record: CrossingRecord, texts: readonly string[]): void {
    for (const text of texts) {
      record.statements.push(text.length > longestText ? `${text.slice(0, longestText)}…` : text)
    }
  }

  get total(): number {
    let sum = 0
    for (const total of this.#totals.values()) sum += total
    return sum
  }

  /** Of one database, or of all. */
  read(database?: string): Crossings {
    const records =
      database === undefined ? this.#records : this.#records.filter((record) => record.database === database)
    const totals = database === undefined ? [...this.#totals.values()] : [this.#totals.get(database) ?? 0]
    return {
      total: totals.reduce((sum, total) => sum + total, 0),
      transactions: records.slice(-kept).map(({ statements, crossings, waitedMs, outcome }) => ({
        statements: [...statements],
        crossings,
        waitedMs: Math.round(waitedMs * 10) / 10,
        outcome,
      })),
    }
  }

  reset(database?: string): void {
    if (database === undefined) this.#totals.clear()
    else this.#totals.delete(database)
    this.#records = this.#records.filter((record) => database !== undefined && record.database !== database)
  }
}
