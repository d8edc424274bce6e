import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend, BackendEvents } from '../backend/backend.ts'
import { openBackend } from '../backend/open-backend.ts'
import type { ServerPair } from '../servers.ts'
import { describeError } from '../wire/error-response.ts'
import { limitOf } from './limit.ts'
import type { Slots } from './slots.ts'

/** Between attempts while the writer says that it is starting up. */
const retryMs = 20
const ownTimeoutMs = 30_000

/** How long opening a session may take. */
export interface Patience {
  /** `apg_write_forward.connect_timeout` in milliseconds; 0: for ever. */
  readonly timeoutMs: number
  /** Gives up at once. */
  readonly signal: AbortSignal
}

/** The way from the reader to the writer, which every forwarded session takes. It has room for so many, and can be cut. */
export class WayToWriter {
  readonly slots: Slots
  readonly #pair: ServerPair
  readonly #sessions = new Set<Backend>()
  readonly #own = new Set<Backend>()
  readonly #frozen = new Set<Backend>()
  readonly #changes = new EventEmitter<{ healed: []; left: [] }>().setMaxListeners(0)
  #isCut = false

  constructor(pair: ServerPair, slots: Slots) {
    this.#pair = pair
    this.slots = slots
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** The forwarded sessions that are open. */
  get sessions(): readonly Backend[] {
    return [...this.#sessions]
  }

  /**
   * Opens a session on the writer. One that is starting up is asked again; while the way is cut nobody answers.
   *
   * @param prepare makes it what the client expects; that is part of opening it, and takes of the same patience.
   * @throws BackendLost, SlotsExhausted, or the signal's reason
   */
  async open(
    parameters: ReadonlyMap<string, string>,
    events: BackendEvents,
    { timeoutMs, signal }: Patience,
    prepare: (backend: Backend) => Promise<void>,
  ): Promise<Backend> {
    const limit = limitOf(timeoutMs, signal)
    const seat = { taken: true }
    const leave = (backend: Backend | undefined) => {
      if (backend) this.#sessions.delete(backend)
      if (seat.taken) this.slots.free()
      seat.taken = false
      this.#changes.emit('left')
    }
    const opened: { backend?: Backend } = {}
    const watched: BackendEvents = {
      notice: (bytes) => events.notice(bytes),
      lost: (error) => {
        leave(opened.backend)
        events.lost(error)
      },
      ended: () => leave(opened.backend),
    }
    try {
      this.slots.take()
      const backend = await this.#connect(parameters, watched, limit.signal)
      opened.backend = backend
      this.#sessions.add(backend)
      limit.signal.addEventListener('abort', () => backend.giveUp(limit.signal.reason as Error))
      await this.slots.learn(backend)
      await prepare(backend)
      return backend
    } catch (error) {
      opened.backend?.end()
      leave(opened.backend)
      if (signal.aborted) throw signal.reason
      throw error
    } finally {
      limit.clear()
    }
  }

  /** A session of the reader's own, which takes no slot. @throws BackendLost */
  async openUncounted(parameters: ReadonlyMap<string, string>): Promise<Backend> {
    const opened: { backend?: Backend } = {}
    const leave = () => opened.backend && this.#own.delete(opened.backend)
    const limit = limitOf(ownTimeoutMs, new AbortController().signal)
    const events = { notice: () => undefined, lost: leave, ended: leave }
    opened.backend = await this.#connect(parameters, events, limit.signal).finally(() => limit.clear())
    this.#own.add(opened.backend)
    return opened.backend
  }

  /** From here on no byte goes either way, and nobody is told. */
  cut(): void {
    this.#isCut = true
    for (const backend of [...this.#sessions, ...this.#own])
      if (!this.#frozen.has(backend)) this.#freeze(backend)
  }

  /** What was under way goes on. */
  heal(): void {
    this.#isCut = false
    for (const backend of this.#frozen) backend.thaw()
    this.#frozen.clear()
    this.#changes.emit('healed')
  }

  /** Resolves once none of these sessions is open any more, as far as anybody listens to what the writer says. */
  async left(sessions: readonly Backend[]): Promise<void> {
    while (sessions.some((each) => this.#sessions.has(each) && each.listening)) {
      await once(this.#changes, 'left')
    }
  }

  /** The cut came while it was opened. */
  async #freezeNew(backend: Backend, signal: AbortSignal): Promise<void> {
    this.#freeze(backend)
    try {
      await once(this.#changes, 'healed', { signal })
    } catch (error) {
      backend.end()
      throw error
    }
  }

  #freeze(backend: Backend): void {
    backend.freeze()
    this.#frozen.add(backend)
  }

  async #connect(
    parameters: ReadonlyMap<string, string>,
    events: BackendEvents,
    signal: AbortSignal,
  ): Promise<Backend> {
    let said: Buffer | undefined
    for (;;) {
      const address = this.#pair.primary
      try {
        if (this.#isCut) await once(this.#changes, 'healed', { signal })
        const backend = await openBackend('primary', address, parameters, events, signal)
        if (this.#isCut) await this.#freezeNew(backend, signal)
        return backend
      } catch (error) {
        const words = error instanceof BackendLost ? error.lastWords : undefined
        if (!words || !isStarting(words)) this.slots.forget()
        if (signal.aborted) throw new BackendLost('primary', address, said, signal.reason as Error)
        if (!words || !isStarting(words)) throw error
        said = words
        await delay(retryMs)
      }
    }
  }
}

/** 57P03 is cannot_connect_now: the writer starts up, shuts down or recovers. */
function isStarting(words: Buffer): boolean {
  return describeError(words).sqlstate === '57P03'
}
