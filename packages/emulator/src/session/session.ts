import type { Socket } from 'node:net'
import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { fatal } from '../wire/error-response.ts'
import { farewell } from '../wire/farewell.ts'
import { ProtocolViolation } from '../wire/frontend-framer.ts'
import type { EndpointState } from './conversation.ts'
import { Conversation } from './conversation.ts'
import { placeOwnWrites } from './await-consistency.ts'
import { performExtended } from './extended.ts'
import { IdleClock } from './idle-clock.ts'
import { Inbox, type Unit } from './inbox.ts'
import { noticeLoss } from './lost-primary.ts'
import { NotForwarded } from './not-forwarded.ts'
import { Outbox } from './outbox.ts'
import { PlainReads } from './plain-reads.ts'
import type { SessionParameters } from '../settings/session-parameters.ts'
import type { SessionServers } from './session-servers.ts'
import { flushed, ready } from './settle.ts'
import type { Settings } from '../settings/settings.ts'
import { performCall, performQuery } from './simple-query.ts'

/** One client: takes its units one after another, until it goes or its standby does. */
export class Session {
  #socket: Socket
  #conversation: Conversation
  #idle = new IdleClock()
  #ended = false

  constructor(
    socket: Socket,
    endpoint: EndpointState,
    servers: SessionServers,
    settings: Settings,
    parameters: SessionParameters,
  ) {
    this.#socket = socket
    const [inbox, outbox] = [new Inbox(socket), new Outbox(socket)]
    this.#conversation = new Conversation(endpoint, inbox, outbox, servers, settings, parameters)
    servers.onOwnTimeout = (lost) => this.#die(lost)
  }

  /** The session on the reader's own server. */
  get standby(): Backend {
    return this.#conversation.servers.standby
  }

  /** What a server says when nobody asked it: a notice, a changed parameter. */
  notice(bytes: Buffer): void {
    const { running, notices, outbox } = this.#conversation
    if (running) {
      notices.push(bytes)
      return
    }
    outbox.push(bytes)
    outbox.flush()
  }

  /** The standby is gone while nothing ran on it. */
  standbyLost(lost: BackendLost): void {
    if (!this.#conversation.running) this.#die(lost)
  }

  /** Serves the client; resolves when the session is over. Never rejects. */
  async serve(firstBytes: Buffer): Promise<void> {
    this.#socket.on('close', () => this.end())
    const { inbox } = this.#conversation
    const reads = new PlainReads(this.#conversation, (lost) => {
      if (lost) this.#die(lost)
      inbox.proceed()
    })
    inbox.offerShortcut((unit) => !this.#ended && reads.take(unit))
    inbox.start(firstBytes)
    try {
      while (!this.#ended) {
        const unit = await inbox.next()
        if (unit.kind === 'end') break
        this.#conversation.busy = true
        this.#conversation.cancelled = false
        await this.#perform(unit)
        this.#conversation.busy = false
        this.#idle.start(this.#conversation)
      }
    } catch (error) {
      this.#die(error)
    }
    this.end()
  }

  /** Cancels what the client runs or waits for, on whichever server that is; resolves when the server knows. */
  async cancel(): Promise<void> {
    const { running, waiting, endpoint, servers } = this.#conversation
    if (!running) {
      // It may still be on its way to the server that is to run it.
      this.#conversation.cancelled = true
      waiting?.abort()
    }
    if (endpoint.way.isCut && servers.openPrimary?.busy) {
      servers.openPrimary.giveUp(new Error('the client gave up while the network to the writer was cut'))
    } else await running?.cancel()
  }

  /** Ends the session on both sides; open transactions are rolled back by the servers. */
  end(lastWords?: Buffer): void {
    if (this.#ended) return
    this.#ended = true
    this.#conversation.waiting?.abort()
    this.#conversation.servers.end()
    this.#idle.stop()
    farewell(this.#socket, lastWords)
  }

  async #perform(unit: Exclude<Unit, { kind: 'end' }>): Promise<void> {
    const conversation = this.#conversation
    if (unit.kind === 'violation') throw unit.error
    if (unit.kind === 'copy') return
    if (conversation.skipping && unit.kind !== 'extended') return
    conversation.sink.failed = false
    if (!(await this.#answerLoss(unit))) {
      if (unit.kind === 'query') await performQuery(conversation, unit.message)
      else if (unit.kind === 'call') await performCall(conversation, unit.message)
      else await performExtended(conversation, unit.messages, unit.synced)
    }
    if (conversation.servers.standby.lost) throw conversation.servers.standby.lost
    await this.#placeWrites()
  }

  /** @returns whether the unit was answered with the news that its transaction is gone. */
  async #answerLoss(unit: Unit): Promise<boolean> {
    const conversation = this.#conversation
    const news = await noticeLoss(conversation)
    if (!news || isRollback(unit)) return false
    conversation.outbox.push(news)
    if (unit.kind !== 'extended') await ready(conversation)
    else {
      conversation.skipping = true
      await performExtended(conversation, [], unit.synced)
      await flushed(conversation)
    }
    return true
  }

  /** The client has its answer; where its commit stands in the log is found out while it thinks. */
  async #placeWrites(): Promise<void> {
    const { ownWrites, transaction, servers, unsynced, forwardSettings } = this.#conversation
    // Under the other modes nobody waits for it; should the session change its mode, its next read will ask.
    if (forwardSettings.consistency !== 'session') return
    if (!ownWrites.unplaced || transaction || unsynced.size > 0) return
    if (!servers.openPrimary || servers.openPrimary.lost) return
    try {
      await placeOwnWrites(this.#conversation)
    } catch (error) {
      // The next read asks again, and is told if the writer cannot answer.
      if (!(error instanceof NotForwarded)) throw error
    }
  }

  #die(error: unknown): void {
    if (this.#ended) return
    if (error instanceof BackendLost && error.torn) this.#socket.destroy()
    this.end(lastWordsFor(error))
  }
}

/** Where a client of a lost transaction does as it should, it is spared the news. */
function isRollback(unit: Unit): boolean {
  return (
    unit.kind === 'query' &&
    /^\s*rollback\s*;?\s*$/i.test(unit.message.toString('latin1', 5, unit.message.length - 1))
  )
}

function lastWordsFor(error: unknown): Buffer {
  if (error instanceof BackendLost) {
    if (error.lastWords) return error.lastWords
    return fatal('57P01', error.message, 'Connect again; the session was on that server.')
  }
  if (error instanceof ProtocolViolation) return fatal('08P01', error.message)
  return fatal(
    'XX000',
    `the forwarding reader failed: ${error instanceof Error ? error.message : String(error)}`,
  )
}
