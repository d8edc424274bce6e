import type { Assumptions } from '../assumptions/switches.ts'
import type { Backend } from '../backend/backend.ts'
import { injectMessages } from '../backend/inject.ts'
import type { Reply } from '../backend/reply.ts'
import type { Shadowing } from '../catalog/shadowing.ts'
import type { GlobalPoint } from '../consistency/global-point.ts'
import { OwnWrites } from '../consistency/own-writes.ts'
import type { ReplayTracker } from '../consistency/replay-tracker.ts'
import type { CrossingCounter, CrossingRecord } from '../endpoint/crossings.ts'
import type { CommitTrap } from '../faults/commit-trap.ts'
import type { WayToWriter } from '../faults/way-to-writer.ts'
import type { RefusalLog } from '../endpoint/refusals.ts'
import { copyFailMessage, flushMessage, syncMessage } from '../wire/build.ts'
import type { Message } from '../wire/frontend-framer.ts'
import { frontend, status } from '../wire/message-types.ts'
import { ClientSink } from './client-sink.ts'
import type { ForwardSettings } from '../settings/forward-settings.ts'
import type { Inbox } from './inbox.ts'
import type { Outbox } from './outbox.ts'
import type { Planner } from './plan.ts'
import { Prepared } from './prepared.ts'
import type { SessionParameters } from '../settings/session-parameters.ts'
import type { SessionServers } from './session-servers.ts'
import type { Settings, SettingChange } from '../settings/settings.ts'
import type { Transaction } from './transaction.ts'

/** What all sessions of an endpoint share. */
export interface EndpointState {
  readonly planner: Planner
  readonly assumptions: Assumptions
  /** Milliseconds added to each crossing. */
  readonly latency: { ms: number }
  readonly crossings: CrossingCounter
  readonly refusals: RefusalLog
  /** By database. */
  readonly shadowing: Map<string, Shadowing>
  readonly tracker: ReplayTracker
  readonly globalPoint: GlobalPoint
  readonly way: WayToWriter
  readonly commitTrap: CommitTrap
  /** What a session's `apg_write_forward.*` parameters are until it sets them. */
  readonly forwardDefaults: ForwardSettings
}

/** The client's. */
const ownSync: Reply = { kind: 'sync', hidden: false }

/** All that one client's session has open, on either server. */
export class Conversation {
  readonly endpoint: EndpointState
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly servers: SessionServers
  readonly settings: Settings
  readonly sink: ClientSink
  readonly prepared = new Prepared()
  readonly ownWrites: OwnWrites
  /** What the session has set of that which the emulator itself goes by. */
  parameters: SessionParameters
  /** A statement may have changed them. */
  parametersStale = false
  /** The transaction status that the client was told last, or would be told now. */
  status: number = status.idle
  transaction: Transaction | undefined
  /** An extended message failed; everything is skipped until the client's Sync. */
  skipping = false
  /** Servers that were sent extended messages and no Sync since. */
  readonly unsynced = new Set<Backend>()
  /**
   * What extended messages have done on the primary outside a transaction block, which their Sync commits; `unknown`: some of
   * it may be committed already.
   */
  unsyncedWork: 'none' | 'open' | 'unknown' = 'none'
  /** Changes made outside any transaction block, which last if their unit succeeds. */
  looseChanges: SettingChange[] = []
  /** Lasting changes that the other server has not heard of. */
  readonly unspread: { readonly change: SettingChange; readonly madeOn: Backend }[] = []
  /** The crossings of what is open now. */
  crossing: CrossingRecord | undefined
  /** The running unit ends with a Sync; a server that waits for COPY data ignores it, and wants another behind the data. */
  unitSynced = false
  /** A unit of the client's is being answered. */
  busy = false
  /** The server that runs the client's statement now. */
  running: Backend | undefined
  /** What servers said unasked while a unit ran: it must not get between the pieces of a row. */
  readonly notices: Buffer[] = []
  /** The client has cancelled its unit while the emulator itself was busy with it: what was not sent yet is not sent. */
  cancelled = false
  /** What can be given up while nothing runs: latency, and waiting for the standby. */
  waiting: AbortController | undefined

  constructor(
    endpoint: EndpointState,
    inbox: Inbox,
    outbox: Outbox,
    servers: SessionServers,
    settings: Settings,
    parameters: SessionParameters,
  ) {
    this.endpoint = endpoint
    this.inbox = inbox
    this.outbox = outbox
    this.servers = servers
    this.settings = settings
    this.ownWrites = new OwnWrites(endpoint.tracker)
    this.parameters = parameters
    this.sink = new ClientSink(outbox, (server) => this.#divertCopy(server))
  }

  /** The session's `apg_write_forward.*` parameters. */
  get forwardSettings(): ForwardSettings {
    return this.parameters.forward
  }

  /** The session forwards what its profile says; otherwise it is one on a plain standby. */
  get forwarding(): boolean {
    return this.parameters.forward.consistency !== 'off'
  }

  /** The server that holds what is open, or else answers by default. */
  get holder(): Backend {
    const { openPrimary, standby } = this.servers
    if (!openPrimary) return standby
    return (this.transaction ? this.transaction.moved : this.unsynced.has(openPrimary))
      ? openPrimary
      : standby
  }

  /** Nothing is open on either server, nothing is being skipped, and nothing is left to find out. */
  get atRest(): boolean {
    return (
      !this.transaction &&
      this.unsynced.size === 0 &&
      !this.skipping &&
      !this.parametersStale &&
      this.servers.standby.status === status.idle
    )
  }

  get failed(): boolean {
    return this.status === status.failed
  }

  /** Ends the implicit transactions of extended messages on all servers. @returns the errors that came of it */
  async sync(): Promise<Buffer[]> {
    if (this.unsynced.size === 0) return []
    const servers = [...this.unsynced].filter((server) => !server.lost)
    this.unsynced.clear()
    const done = await Promise.all(servers.map((server) => injectMessages(server, syncMessage, [ownSync])))
    // Warnings, and parameters that the unit has changed.
    for (const { said } of done) if (said.length > 0) this.outbox.push(said)
    return done.flatMap(({ error }) => error ?? [])
  }

  /** While a server waits for COPY data, the client's messages are that data. */
  #divertCopy(server: Backend): void {
    const extended = this.unsynced.has(server)
    const synced = this.unitSynced
    let done = false
    const take = ({ type, bytes }: Message) => {
      if (!server.pass(bytes, () => this.inbox.resume())) this.inbox.pause()
      if (type === frontend.copyDone || type === frontend.copyFail) {
        done = true
        // Without a Sync to come, the server would keep its answer to itself.
        if (extended && !synced) server.pass(flushMessage, () => undefined)
      }
      return extended && synced ? type !== frontend.sync : !done
    }
    this.inbox.divert(take, () => {
      // The server would wait for the rest of the data for ever.
      const end = extended ? (synced ? syncMessage : flushMessage) : Buffer.alloc(0)
      server.pass(Buffer.concat([copyFailMessage('the client is gone'), end]), () => undefined)
    })
  }
}
