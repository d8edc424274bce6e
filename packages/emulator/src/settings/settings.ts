import type { Backend } from '../backend/backend.ts'
import { injectMessages, type Injected } from '../backend/inject.ts'
import {
  hiddenBind,
  hiddenClose,
  hiddenExecute,
  hiddenParse,
  hiddenQuery,
  hiddenSync,
  type Reply,
} from '../backend/reply.ts'
import { parseMessage, queryMessage, runUnnamed } from '../wire/build.ts'

/** Messages that repeat on another server what a client's statement did to its session. */
export interface Replay {
  readonly bytes: Buffer
  readonly replies: readonly Reply[]
}

/** A change of a session setting. */
export interface SettingChange {
  readonly replay: Replay
  /** What it replaces; `undefined` for RESET ALL, which replaces everything. */
  readonly key: string | undefined
  /** SET LOCAL: gone with its transaction. */
  readonly local: boolean
}

export function replaySql(sql: string): Replay {
  return { bytes: queryMessage(sql), replies: [hiddenQuery] }
}

/** Repeats a statement with the values that the client bound to it. */
export function replayBound(sql: string, types: Buffer, values: Buffer): Replay {
  return {
    bytes: Buffer.concat([parseMessage('', sql, types), runUnnamed(values)]),
    replies: [hiddenParse, hiddenBind, hiddenExecute, hiddenClose, hiddenClose, hiddenSync],
  }
}

/** @throws BackendLost */
export async function replayOn(server: Backend, replay: Replay): Promise<Injected> {
  // A simple query destroys the unnamed statement, and the bound form closes it.
  server.known.delete('')
  return injectMessages(server, replay.bytes, replay.replies)
}

/** The settings a session has made, so that a server whose session begins late can be brought to the same. */
export class Settings {
  #lasting = new Map<string, SettingChange>()

  keep(change: SettingChange): void {
    if (change.key === undefined) {
      this.#lasting.clear()
      return
    }
    // The newest stands last: a setting may depend on those before it.
    this.#lasting.delete(change.key)
    this.#lasting.set(change.key, change)
  }

  clear(): void {
    this.#lasting.clear()
  }

  /** @throws BackendLost */
  async replayAll(server: Backend): Promise<void> {
    for (const { replay } of this.#lasting.values()) await replayOn(server, replay)
  }
}
