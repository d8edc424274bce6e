import type { Knex } from 'knex'
import type { RequestSettings, WaitSettings } from '../consistency/options.ts'
import { RequestScope, runInRequest } from '../consistency/request-scope.ts'
import { decodeToken, type TokenFault, type WrittenAt } from '../consistency/token.ts'
import {
  cannotTell,
  noWriterToReadFrom,
  notAToken,
  otherBudget,
  otherPolicy,
  outsideOfRequest,
  readerBehind,
} from '../consistency/verdicts.ts'
import { publish } from '../events/publish.ts'
import { started } from '../transaction/started.ts'
import { catchUp, positionOf } from './catch-up.ts'
import type { ClientPool } from './client-pool.ts'
import type { Instance } from './instance.ts'
import { requestAround, RequestSessions } from './request-sessions.ts'
import { flattenedInstance } from './running-frame.ts'
import { discard } from './taken.ts'

/** Runs a function so that its reads, and those of all it calls, show what was written in it before. */
export async function runRequest<Result>(
  db: Knex,
  fn: () => Result,
  settings: RequestSettings,
): Promise<Awaited<Result>> {
  const instance = flattenedInstance(db, 'requestScope(db, fn)')
  const around = requestAround(instance)
  if (around) refuseOther(around.scope, settings)
  else if (settings.policy === 'writer' && !instance.route?.pools.writer) throw noWriterToReadFrom()
  const request = around ?? new RequestSessions(instance, new RequestScope(settings))
  honour(instance, request.scope, settings)
  if (around) return await fn()
  try {
    return (await runInRequest(instance, request, () => started(fn()))) as Awaited<Result>
  } finally {
    await request.close()
  }
}

const WAITING = 'waitForReader(db, token)'

/** The last write of the request that the caller runs in. @throws TransactionOptionsError outside of any */
export function tokenOfRequest(db: Knex): string | undefined {
  const request = requestAround(flattenedInstance(db, 'causalityToken(db)'))
  if (!request) throw outsideOfRequest()
  return request.scope.token
}

/** Resolves once every reader shows what a token stands for. */
export async function waitForReaders(db: Knex, token: string, settings: WaitSettings): Promise<void> {
  const instance = flattenedInstance(db, WAITING)
  const written = read(instance.knex, token, settings)
  if (written === 'expired') return
  if (typeof written === 'string') throw notAToken(written)
  const lsn = written.lsn ?? (await positionOfWriter(instance))
  await Promise.all(instance.pools.forReads.map((pool) => waitForOne(instance, pool, lsn, settings)))
}

async function waitForOne(
  { knex: db, pools }: Instance,
  pool: ClientPool,
  lsn: string | undefined,
  { timeoutMs, signal }: WaitSettings,
): Promise<void> {
  const taken = await pools.takeOf(pool)
  const { connection, from } = taken
  try {
    const caughtUp = await catchUp(connection, { db, lsn, timeoutMs, signal })
    if (caughtUp === 'no-way') throw cannotTell(WAITING)
    if (caughtUp === 'behind') throw readerBehind(WAITING, timeoutMs)
  } catch (error) {
    // It may still be waiting for an answer.
    await discard(taken)
    throw error
  } finally {
    await from.giveBack(connection)
  }
}

/** Where the writer is now, which is behind everything that anybody was told of. */
async function positionOfWriter({ route }: Instance): Promise<string | undefined> {
  if (!route?.pools.writer) return undefined
  const choice = { target: 'writer', reason: 'own-write' } as const
  const { connection, from } = await route.pools.take(choice, () => WAITING)
  try {
    return await positionOf(connection)
  } finally {
    await from.giveBack(connection)
  }
}

function refuseOther({ settings }: RequestScope, { policy, crossings }: RequestSettings): void {
  if (settings.policy !== policy) throw otherPolicy(policy, settings.policy)
  if (!crossings) return
  const given = settings.crossings
  if (crossings.warn !== given?.warn || crossings.max !== given?.max) throw otherBudget(crossings, given)
}

function honour({ knex }: Instance, scope: RequestScope, settings: RequestSettings): void {
  if (settings.token === undefined) return
  const written = read(knex, settings.token, settings)
  if (typeof written !== 'string') scope.honour(written)
}

function read(db: Knex, token: string, settings: RequestSettings | WaitSettings): WrittenAt | TokenFault {
  const written = decodeToken(token, settings, Date.now())
  publish('knex-flatten:token', () =>
    typeof written === 'string' ? { db, outcome: 'ignored', reason: written } : { db, outcome: 'honoured' },
  )
  return written
}
