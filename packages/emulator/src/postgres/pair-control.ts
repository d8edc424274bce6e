import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { parseLsn } from '../consistency/lsn.ts'
import { EmulatorError } from '../emulator-error.ts'
import type { ServerAddress, ServerControl } from '../servers.ts'
import { withConnection } from './connect.ts'
import type { ServerName } from './data-folder.ts'
import type { LocalPair } from './local-pair.ts'
import type { Member } from './member.ts'

const streamTimeoutMs = 30_000

/** Restarts, crashes and exchanges two servers of our own. */
export class PairControl implements ServerControl {
  readonly #pair: LocalPair

  constructor(pair: LocalPair) {
    this.#pair = pair
  }

  restart(role: ServerName): Promise<void> {
    return this.#startAgain(role, (member) => member.stop('SIGINT'))
  }

  crash(role: ServerName): Promise<void> {
    return this.#startAgain(role, (member) => member.crash())
  }

  settled(): Promise<void> {
    return this.#pair.inTurn(() => Promise.resolve())
  }

  onStandbyReady(listener: () => void | Promise<void>): void {
    this.#pair.onStandbyReady(listener)
  }

  switchover(beforePromotion: () => void): Promise<void> {
    return this.#pair.inTurn(async () => {
      await this.#promoteStandby(beforePromotion).catch(async (error: unknown) => {
        // It is still the standby, and is held back as it was.
        await this.#pair.ready('standby').catch(() => undefined)
        throw error
      })
      this.#pair.swap()
      await this.#pair.configure()
      await this.#pair.standby.startAgain()
      await this.#streams('The former primary does not follow the new one')
      await this.#pair.ready('standby')
    })
  }

  async #promoteStandby(beforePromotion: () => void): Promise<void> {
    const { primary, standby } = this.#pair
    for (const { role, running } of [primary, standby]) {
      if (running) continue
      const advice = `Call ${role === 'primary' ? 'restartWriter' : 'restartStandby'}() first.`
      throw new EmulatorError(
        'EMULATOR_FAULT',
        `The roles cannot be exchanged: the ${role} is down. ${advice}`,
      )
    }
    await withConnection(standby.address, goOn)
    await this.#streams('The roles cannot be exchanged')
    // A fast shutdown sends the standby all there is, its own last record included, before it ends.
    await primary.stop('SIGINT')
    try {
      await hasAll(standby.address, primary)
      beforePromotion()
      await promote(standby.address)
    } catch (error) {
      await primary.startAgain()
      throw error
    }
  }

  #startAgain(role: ServerName, end: (member: Member) => Promise<void>): Promise<void> {
    return this.#pair.inTurn(async () => {
      const member = this.#pair[role]
      await end(member)
      await member.startAgain()
      await this.#pair.ready(role)
    })
  }

  /** Waits until the standby streams. @throws EmulatorError `EMULATOR_FAULT` */
  async #streams(what: string): Promise<void> {
    const streaming = await withConnection(this.#pair.primary.address, async (writer) => {
      for (const until = Date.now() + streamTimeoutMs; Date.now() < until;) {
        const { rowCount } = await writer.query(
          "SELECT 1 FROM pg_stat_replication WHERE application_name = 'standby' AND state = 'streaming'",
        )
        if (rowCount !== 0) return true
        await delay(5)
      }
      return false
    })
    if (streaming) return
    const why = `the standby did not stream from the primary within ${streamTimeoutMs / 1000} s`
    throw new EmulatorError('EMULATOR_FAULT', `${what}: ${why}.\n${await this.#pair.logTails()}`)
  }
}

/** A standby that is held back does not connect again to a primary that was away. */
async function goOn(standby: Client): Promise<void> {
  await standby.query('ALTER SYSTEM RESET recovery_min_apply_delay')
  await standby.query('SELECT pg_reload_conf(), pg_wal_replay_resume()')
}

/** Makes sure that the standby has received the last record that the primary wrote. @throws EmulatorError */
async function hasAll(standby: ServerAddress, primary: Member): Promise<void> {
  const last = await shutdownCheckpoint(primary.data)
  const received = await withConnection(standby, async (reader) => {
    const { rows } = await reader.query<{ lsn: string | null }>(
      'SELECT pg_last_wal_receive_lsn()::text AS lsn',
    )
    return rows[0]?.lsn
  })
  if (received != null && parseLsn(received) > last) return
  throw new EmulatorError(
    'EMULATOR_FAULT',
    'The roles were not exchanged: the standby has not received all that the primary has written.',
  )
}

/** Where the record is that a clean shutdown wrote, from the control file; that place in it has not changed since 8.0. */
async function shutdownCheckpoint(data: string): Promise<bigint> {
  const file = await open(join(data, 'global', 'pg_control'))
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 32)
    return buffer.readBigUInt64LE()
  } finally {
    await file.close()
  }
}

async function promote(standby: ServerAddress): Promise<void> {
  const promoted = await withConnection(standby, async (reader) => {
    const { rows } = await reader.query<{ promoted: boolean }>('SELECT pg_promote(true, 60) AS promoted')
    return rows[0]?.promoted === true
  })
  if (!promoted) throw new EmulatorError('EMULATOR_FAULT', 'The standby could not be promoted within 60 s.')
}
