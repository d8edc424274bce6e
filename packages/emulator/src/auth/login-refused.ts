/** A client or a server gets no session; it is told why, in PostgreSQL’s own words where it has some. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused'
  readonly sqlstate: string
  readonly detail: string | undefined
  readonly hint: string | undefined

  constructor(sqlstate: string, message: string, detail?: string, hint?: string) {
    super(message)
    this.sqlstate = sqlstate
    this.detail = detail
    this.hint = hint
  }
}
