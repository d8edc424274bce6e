import type { ConsistencyMode } from './settings/forward-settings.ts'

/** How a connection to a server is encrypted; the words are those of libpq's `sslmode`. */
export interface ServerTls {
  /** `prefer`: if the server offers it; `require`: always, whoever answers; `verify-…`: and its certificate is checked. */
  readonly mode: 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  /** Certificates of whom to believe, in PEM. Default: those that Node believes. */
  readonly ca?: string | Buffer | undefined
  /** The certificate and key that the server wants to see of us, in PEM. */
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
}

/** Where a server listens, and how to log in to it. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
  /** Whose password {@link ServerAddress.password} is, and who the emulator itself logs in as. */
  readonly user?: string | undefined
  /** Given to the server if it asks for one, for {@link ServerAddress.user} alone. */
  readonly password?: string | undefined
  /** Without it the connection is not encrypted. */
  readonly tls?: ServerTls | undefined
}

/** What can be done to the servers themselves, one thing at a time. */
export interface ServerControl {
  /** A fast shutdown, and a start on the same port. Resolves when the server accepts connections again. */
  restart(role: 'primary' | 'standby'): Promise<void>
  /** Kills all processes of the server, as when its machine loses power, and starts it again on the same port. */
  crash(role: 'primary' | 'standby'): Promise<void>
  /**
   * The two change places, and nothing that was committed is lost.
   *
   * @param beforePromotion runs when the primary is down and the standby still one
   */
  switchover(beforePromotion: () => void): Promise<void>
  /** Resolves when nothing is being done to the servers. */
  settled(): Promise<void>
  /** Calls back whenever the standby has been started again, or another server has become it; that is waited for. */
  onStandbyReady(listener: () => void | Promise<void>): void
}

/** A primary and the standby that streams from it, and how to log in to both. */
export interface ServerPair {
  /** Where the primary is now: at a switchover the two change places. */
  readonly primary: ServerAddress
  /** Where the standby is now. */
  readonly standby: ServerAddress
  readonly user: string
  readonly database: string
  /** Only servers of our own have it. */
  readonly control?: ServerControl | undefined
  /** The servers' own configuration sets `apg_write_forward.*`, and its consistency mode to this. */
  readonly configuredConsistency?: ConsistencyMode | undefined
}

/** Servers that run for us. */
export interface Servers extends ServerPair {
  /** Ends both servers and removes whatever they kept on disk. Safe to call twice. */
  stop(): Promise<void>
}
