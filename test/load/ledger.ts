/** What the client of a write was told of its fate. */
export type Told = 'acknowledged' | 'rolled back' | 'unknown'

/** A write by its id, and the rows that it consists of. */
interface Write {
  readonly id: number
  readonly rows: number
  told: Told | undefined
}

/** What all clients were told, held against what the primary has in the end. */
export class Ledger {
  readonly #writes: Write[] = []
  #checked = 0

  /** A write that is about to be made, under an id that nobody else has. */
  open(rows: number): Write {
    const write: Write = { id: this.#writes.length, rows, told: undefined }
    this.#writes.push(write)
    return write
  }

  /** One of the last thousand. */
  recent(): Write | undefined {
    return this.#writes[this.#writes.length - 1 - Math.floor(Math.random() * 1000)]
  }

  counts(): Record<Told, number> {
    const counts = { acknowledged: 0, 'rolled back': 0, unknown: 0 }
    for (const { told } of this.#writes) if (told) counts[told]++
    return counts
  }

  /** Those that were settled since this was asked last, as far as no older one is still open. */
  newlySettled(): readonly Write[] {
    const from = this.#checked
    while (this.#writes[this.#checked]?.told) this.#checked++
    return this.#writes.slice(from, this.#checked)
  }

  get all(): readonly Write[] {
    return this.#writes
  }
}

/** What is wrong with these writes, by the number of rows that the primary has of each. */
export function wrongs(writes: readonly Write[], stored: ReadonlyMap<number, number>): string[] {
  return writes.flatMap(({ id, rows, told }) => {
    const found = stored.get(id) ?? 0
    if (found !== 0 && found !== rows)
      return [`write ${id}, ${told}: ${found} of its ${rows} rows are stored`]
    if (told === 'acknowledged' && found === 0) return [`write ${id} was acknowledged, and is lost`]
    if (told === 'rolled back' && found > 0) return [`write ${id} was told to be rolled back, and is stored`]
    return []
  })
}
