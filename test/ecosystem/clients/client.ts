/** A row with a value of each common type; what a client gives it is what it must come back as. */
export interface Item {
  id: number
  name: string | null
  data: Buffer | null
  doc: unknown
  tags: string[] | null
  made: Date | null
  price: string | null
  flag: boolean | null
}

export type Row = Readonly<Record<string, unknown>>

/** What a client does in its own idiom: builder, model, tagged template or plain text. */
export interface Talk {
  insert(item: Item): Promise<unknown>
  find(id: number): Promise<Item | undefined>
  /** Text of the scenario's own, without parameters. */
  rows(sql: string): Promise<readonly Row[]>
}

export interface Client extends Talk {
  /** Commits what `work` does, or rolls it back if that rejects; rejects then as well. */
  transaction<T>(work: (inside: Talk) => Promise<T>): Promise<T>
  close(): Promise<unknown>
}

export type Open = (url: string) => Promise<Client> | Client
