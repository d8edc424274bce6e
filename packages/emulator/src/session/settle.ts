import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import type { CrossingOutcome } from '../endpoint/crossings.ts'
import { readyForQuery } from '../wire/build.ts'
import { firstValue } from '../wire/message-fields.ts'
import { status } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import type { Mark } from './plan.ts'
import { replayBound, replayOn, replaySql, type SettingChange } from './settings.ts'
import { Transaction } from './transaction.ts'

/** A statement that ran to its end. */
export interface Done {
  readonly marks: readonly Mark[]
  /** What the client bound to it. */
  readonly bound?: { readonly sql: string; readonly types: Buffer; readonly values: Buffer } | undefined
}

const readies = new Map<number, Buffer>(
  [status.idle, status.open, status.failed].map((each) => [each, readyForQuery(each)]),
)

/** Takes in what statements did to the session, in order, right after they ran. */
export function takeIn(conversation: Conversation, server: Backend, done: readonly Done[]): void {
  for (const each of done) {
    for (const mark of each.marks) takeInMark(conversation, server, mark, each.bound)
  }
}

function takeInMark(conversation: Conversation, server: Backend, mark: Mark, bound: Done['bound']): void {
  const { transaction, prepared, settings } = conversation
  switch (mark.type) {
    case 'begin':
      // A second BEGIN is only a warning.
      conversation.transaction ??= new Transaction(mark.text, mark.readOnly, server.role === 'primary')
      break
    case 'end':
      endTransaction(conversation, server, mark.commit && !conversation.failed ? 'committed' : 'rolled-back')
      if (mark.chain && transaction) {
        conversation.transaction = new Transaction(transaction.begin, transaction.readOnly, transaction.moved)
        conversation.transaction.standbyOpen = transaction.standbyOpen
      }
      break
    case 'set-transaction':
      transaction?.preamble.push(replaySql(mark.text))
      if (transaction && mark.readOnly) transaction.readOnly = true
      break
    case 'setting': {
      const replay = bound ? replayBound(bound.sql, bound.types, bound.values) : replaySql(mark.text)
      const key = mark.key === '' ? `${mark.text}\0${firstValue(bound?.values)}` : mark.key
      transaction?.preamble.push(replay)
      if (!mark.local) (transaction?.changes ?? conversation.looseChanges).push({ replay, key, local: false })
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
      settings.clear()
      conversation.looseChanges.push({ replay: replaySql('DISCARD ALL'), key: undefined, local: false })
      break
    case 'execute':
      break
  }
}

/** The other server may keep statements that the client has dropped; under the same name they are closed before use. */
function forgetAll({ prepared, servers }: Conversation, server: Backend): void {
  prepared.clear()
  server.known.clear()
  servers.other(server.role)?.known.forEach((_, name, known) => known.set(name, forgotten))
}
const forgotten = {}

/** The open transaction is over. */
export function endTransaction(conversation: Conversation, server: Backend, outcome: CrossingOutcome): void {
  const { transaction, crossing } = conversation
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
    conversation.settings.keep(change)
    conversation.unspread.push({ change, madeOn })
  }
}

/** All servers are synced: agrees with the server on where the transaction stands, and tells the client. */
export async function settle(conversation: Conversation, server: Backend): Promise<void> {
  const { sink, servers } = conversation
  conversation.status = server.status
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
  await ready(conversation)
}

/** Brings lasting changes to the server that did not make them; one that has no session yet gets them when it opens. */
async function spread(conversation: Conversation): Promise<void> {
  if (conversation.unspread.length === 0) return
  for (const { change, madeOn } of conversation.unspread.splice(0)) {
    const other = conversation.servers.other(madeOn.role)
    if (other && !other.lost) await replayOn(other, change.replay)
  }
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
