import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseCookie, type SerializeOptions, stringifySetCookie } from 'cookie'
import type { Knex } from 'knex'
import onHeaders from 'on-headers'
import { causalityToken, requestScope, type RequestScopeOptions } from '../consistency/consistency.ts'
import { checkScopeOptions, policyChecks } from '../consistency/options.ts'
import { TransactionOptionsError } from '../errors/errors.ts'
import { refuseUnlessFlattened } from '../knex/running-frame.ts'
import { type Check, checkAll, isRecord, refuseUnknown, show } from '../options/check.ts'

/** How a request is handled so that it, and those behind it, show what was written before; `Request` is what the framework calls it. */
export interface ReadYourWritesOptions<Request> extends Omit<RequestScopeOptions, 'token'> {
  /** The name of the cookie that carries the token; `false` for none. Default `'causality'`. */
  readonly cookie?: string | false
  /** What else is said of the cookie. Default `{ path: '/', httpOnly: true, sameSite: 'lax' }`; its age is `maxAgeMs`. */
  readonly cookieOptions?: Omit<SerializeOptions, 'maxAge' | 'expires'>
  /** The name of a header that carries the token, both ways; where a request has both, the header counts. Default none. */
  readonly header?: string
  /** Answers true for a request that is to run outside of any scope. Default: none is. */
  readonly skip?: (request: Request) => boolean
}

/** {@link ReadYourWritesOptions}, checked. */
export interface Causality<Request> {
  readonly skip: (request: Request) => boolean
  /**
   * Runs `handle` in a request scope, open until the response is closed; the response then carries the token of what was written.
   *
   * @returns what `handle` returns; the scope goes on behind it.
   */
  readonly open: <Result>(
    request: IncomingMessage,
    response: ServerResponse,
    handle: () => Result,
  ) => Promise<Awaited<Result>>
}

/** A name as HTTP allows it for a cookie and for a header. */
const isName = (value: unknown): boolean => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value)

const checks: Record<keyof ReadYourWritesOptions<never>, Check> = {
  ...policyChecks,
  cookie: { allowed: 'the name of a cookie, or false', holds: (value) => value === false || isName(value) },
  cookieOptions: { allowed: "an object, e.g. { domain: 'example.com' }", holds: isRecord },
  header: { allowed: 'the name of a header', holds: isName },
  skip: { allowed: 'a function of the request', holds: (value) => typeof value === 'function' },
}

const WHERE = 'readYourWrites(db, options)'

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkCausality<Request>(
  db: Knex,
  options: ReadYourWritesOptions<Request>,
): Causality<Request> {
  refuseUnlessFlattened(db, WHERE)
  refuseWrong(options)
  const { cookie = 'causality', cookieOptions, header, skip = () => false, ...scope } = options
  const { maxAgeMs } = checkScopeOptions(scope)
  const carrier: Carrier = {
    header: header?.toLowerCase(),
    cookie,
    cookieOptions: {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      ...cookieOptions,
      maxAge: Math.ceil(maxAgeMs / 1000),
    },
  }
  return {
    skip,
    open: (request, response, handle) =>
      new Promise((resolve, reject) => {
        const token = tokenIn(request, carrier)
        const closed = new Promise((over) => response.once('close', over))
        requestScope(
          db,
          () => {
            const written = AsyncResource.bind(() => causalityToken(db))
            onHeaders(response, () => tell(response, written(), carrier))
            resolve(handle() as never)
            return closed
          },
          { ...scope, ...(token !== undefined && { token }) },
        ).catch(reject)
      }),
  }
}

function refuseWrong(options: unknown): void {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(`${WHERE}: options must be an object, not ${show(options)}.`)
  }
  refuseUnknown(WHERE, options, checks)
  checkAll(WHERE, options, checks)
}

interface Carrier {
  readonly header: string | undefined
  readonly cookie: string | false
  readonly cookieOptions: SerializeOptions
}

function tokenIn({ headers }: IncomingMessage, { header, cookie }: Carrier): string | undefined {
  const inHeader = header === undefined ? undefined : headers[header]
  if (typeof inHeader === 'string') return inHeader
  return cookie === false || headers.cookie === undefined ? undefined : parseCookie(headers.cookie)[cookie]
}

function tell(
  response: ServerResponse,
  token: string | undefined,
  { header, cookie, cookieOptions }: Carrier,
): void {
  if (token === undefined) return
  if (header !== undefined) response.setHeader(header, token)
  if (cookie !== false) response.appendHeader('set-cookie', stringifySetCookie(cookie, token, cookieOptions))
}
