/** Where a server listens. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** A running primary, the standby that streams from it, and how to log in to both. */
export interface Servers {
  readonly primary: ServerAddress
  readonly standby: ServerAddress
  readonly user: string
  readonly database: string
  /** Ends both servers and removes whatever they kept on disk. Safe to call twice. */
  stop(): Promise<void>
}
