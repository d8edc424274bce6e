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

/** A running primary, the standby that streams from it, and how to log in to both. */
export interface Servers {
  readonly primary: ServerAddress
  readonly standby: ServerAddress
  readonly user: string
  readonly database: string
  /** Ends both servers and removes whatever they kept on disk. Safe to call twice. */
  stop(): Promise<void>
}
