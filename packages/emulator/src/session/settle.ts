import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import type { CrossingOutcome } from '../endpoint/crossings.ts'
import { readyForQuery } from '../wire/build.ts'
import { firstValue } from '../wire/message-fields.ts'
import { status } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import type { Mark } from './plan.ts'
import { refreshParameters } from './refresh-parameters.ts'
import { failingText } from './refusal.ts'
import { keepsSnapshot } from '../settings/session-parameters.ts'
import { replayBound, replayOn, replaySql, type SettingChange } from '../settings/settings.ts'
import { Transaction } from './transaction.ts'

/** What the client bound to a statement. */
export interface Bound {
  readonly sql: string
  readonly types: Buffer
  readonly values: Buffer
}

const readies = new Map<number, Buffer>(
  [status.idle, status.open, status.failed].map((each) => [each, readyForQuery(each)]),
)

/** Takes in what statements did to the session, in order, right after they ran. */
export function takeIn(
  conversation: Conversation,
  server: Backend,
  marks: readonly Mark[],
  bound?: Bound,
): void {
  for (const mark of marks) takeInMark(conversation, server, mark, bound)
}

function takeInMark(conversation: Conversation, server: Backend, mark: Mark, bound: Bound | undefined): void {
  const { transaction, prepared, settings } = conversation
  switch (mark.type) {
    case 'begin':
      // A second BEGIN is only a warning.
      if (!transaction) takeInBegin(conversation, server, mark)
      break
    case 'end':
      takeInEnd(conversation, server, mark)
      break
    case 'set-transaction':
      if (!transaction) break
      transaction.preamble.push(replaySql(mark.text))
      if (mark.readOnly) transaction.readOnly = true
      if (mark.isolationLevel) transaction.keepsSnapshot = keepsSnapshot(mark.isolationLevel)
      break
    case 'setting': {
      const replay = bound ? replayBound(bound.sql, bound.types, bound.values) : replaySql(mark.text)
      const key = mark.key === '' ? `${mark.text}\0${firstValue(bound?.values)}` : mark.key
      transaction?.preamble.push(replay)
      const changes = transaction?.changes ?? conversation.looseChanges
      changes.push({ replay, key, local: mark.local })
      if (mark.flushing) conversation.ownWrites.mayBeUnflushed()
      if (!mark.tracked) break
      conversation.parametersStale = true
      if (transaction) transaction.tracked = true
      break
    }
    case 'prepare':
      prepared.add(
        { name: mark.name, sql: mark.text, plan: mark.inner, parseFor: undefined, types: Buffer.alloc(0) },
        server,
      )
      break
    case 'deallocate':
      if (mark.name === undefined) forgetAll(conversation, server)
      else prepared.remove(mark.name, server)
      break
    case 'discard-all':
      forgetAll(conversation, server)
      prepared.portals.clear()
      settings.clear()
      conversation.parametersStale = true
      // It cannot be rolled back, so the other server is not spared it whatever becomes of the rest.
      conversation.unspread.push({
        change: { replay: replaySql('DISCARD ALL'), key: undefined, local: false },
        madeOn: server,
      })
      break
    case 'savepoint':
      transaction?.savepoint(mark)
      if (mark.action === 'rollback-to' && transaction?.tracked) conversation.parametersStale = true
      break
    case 'execute': {
      const ends = prepared
        .statement(mark.name)
        ?.plan.marks.filter(({ type }) => type === 'end' || type === 'begin')
      takeIn(conversation, server, ends ?? [])
      break
    }
  }
}

function takeInBegin(
  conversation: Conversation,
  server: Backend,
  { text, readOnly, isolationLevel }: Extract<Mark, { type: 'begin' }>,
): void {
  const transaction = new Transaction(text, readOnly, server.role === 'primary')
  transaction.keepsSnapshot = isolationLevel
    ? keepsSnapshot(isolationLevel)
    : conversation.parameters.keepsSnapshot
  transaction.tracked = conversation.parametersStale
  // What stands before BEGIN in the same string or batch becomes part of the transaction.
  transaction.changes = conversation.looseChanges.splice(0)
  transaction.preamble.push(...transaction.changes.map(({ replay }) => replay))
  conversation.transaction = transaction
  conversation.status = status.open
}

function takeInEnd(
  conversation: Conversation,
  server: Backend,
  { commit, chain }: Extract<Mark, { type: 'end' }>,
): void {
  const { transaction, failed } = conversation
  const loose = conversation.looseChanges.splice(0)
  if (commit) keep(conversation, server, loose)
  endTransaction(conversation, server, commit && !failed ? 'committed' : 'rolled-back')
  conversation.status = status.idle
  if (!chain || !transaction) return
  const { begin, readOnly, moved, standbyOpen } = transaction
  // An aborted transaction has lost its options before it can hand them on.
  const next = failed ? new Transaction('BEGIN', false, moved) : new Transaction(begin, readOnly, moved)
  next.keepsSnapshot = failed ? conversation.parameters.keepsSnapshot : transaction.keepsSnapshot
  next.standbyOpen = standbyOpen
  conversation.transaction = next
  conversation.status = status.open
}

/** The other server may keep statements that the client has dropped; under the same name they are closed before use. */
function forgetAll({ prepared, servers }: Conversation, server: Backend): void {
  prepared.forgetNamed()
  for (const name of server.known.keys()) if (name !== '') server.known.delete(name)
  servers.other(server.role)?.known.forEach((_, name, known) => name !== '' && known.set(name, forgotten))
}
const forgotten = {}

/** The open transaction is over. */
export function endTransaction(conversation: Conversation, server: Backend, outcome: CrossingOutcome): void {
  const { transaction, crossing } = conversation
  if (transaction?.tracked) conversation.parametersStale = true
  if (outcome === 'committed') keep(conversation, server, transaction?.changes ?? [])
  if (crossing) {
    crossing.outcome = outcome
    conversation.ownWrites.committed()
  }
  conversation.crossing = undefined
  conversation.transaction = undefined
}

function keep(conversation: Conversation, madeOn: Backend, changes: readonly SettingChange[]): void {
  for (const change of changes) {
    if (change.local) continue
    conversation.settings.keep(change)
    conversation.unspread.push({ change, madeOn })
  }
}

/** All servers are synced: agrees with the one that ran last on where the transaction stands. */
export async function settle(conversation: Conversation, server: Backend): Promise<void> {
  const { sink, servers } = conversation
  await failTogether(conversation)
  conversation.status = server.status
  await refreshParameters(conversation, server).catch(unlessPrimaryLost)
  if (conversation.status === status.idle) {
    if (conversation.transaction || conversation.crossing) {
      endTransaction(conversation, server, sink.failed ? 'rolled-back' : 'committed')
    }
    if (!sink.failed) keep(conversation, server, conversation.looseChanges)
    conversation.prepared.portals.clear()
  } else {
    conversation.transaction ??= new Transaction('BEGIN', false, server.role === 'primary')
  }
  conversation.looseChanges = []
  if (
    servers.standby.status !== status.idle &&
    server !== servers.standby &&
    !conversation.transaction?.standbyOpen
  ) {
    // The transaction has moved, or its last portal on the standby is gone.
    await inject(servers.standby, 'ROLLBACK')
  }
  await spread(conversation)
}

/** A transaction that is open on both servers, because of a portal, fails on both. */
async function failTogether({ transaction, sink, servers }: Conversation): Promise<void> {
  if (!transaction?.standbyOpen || !sink.failed) return
  for (const server of [servers.standby, servers.openPrimary]) {
    if (server?.status === status.open) await inject(server, failingText)
  }
}

/** Brings lasting changes to the server that did not make them; one that has no session yet gets them when it opens. */
async function spread(conversation: Conversation): Promise<void> {
  if (conversation.unspread.length === 0) return
  for (const { change, madeOn } of conversation.unspread.splice(0)) {
    const other = conversation.servers.other(madeOn.role)
    // A session that is opened in the place of one that was lost gets them too.
    if (other) await replayOn(other, change.replay).catch(unlessPrimaryLost)
  }
}

/** The client has had its answer: what it lost with the primary it hears when it goes on. */
function unlessPrimaryLost(error: unknown): void {
  if (!(error instanceof BackendLost) || error.role !== 'primary') throw error
}

/** Tells the client that it is its turn, and waits until it has read what was written. */
export async function ready(conversation: Conversation): Promise<void> {
  const { outbox, notices } = conversation
  for (const notice of notices.splice(0)) outbox.push(notice)
  outbox.push(readies.get(conversation.status)!)
  await flushed(conversation)
}

export async function flushed({ outbox }: Conversation): Promise<void> {
  await new Promise<void>((resolve) => {
    if (outbox.flush(resolve)) resolve()
  })
}
