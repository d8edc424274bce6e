import { setTimeout as delay } from 'node:timers/promises'
import { EmulatorError } from '../emulator-error.ts'
import { withConnection } from '../postgres/connect.ts'
import type { ServerAddress } from '../servers.ts'

/** Where a standby gets its log from, so that it can be cut off and get it back. */
export class StandbyFeed {
  #taken: { readonly conninfo: string; readonly own: boolean } | undefined
  #turn: Promise<void> = Promise.resolve()

  /** Resolves when the standby receives nothing any more. @throws EmulatorError `EMULATOR_FAULT` if we may not do that */
  cut(standby: ServerAddress): Promise<void> {
    return this.#inTurn(() => this.#cut(standby))
  }

  /** Resolves when the standby has been told where the primary is, as it was before. */
  heal(standby: ServerAddress): Promise<void> {
    return this.#inTurn(() => this.#heal(standby))
  }

  /** Who heals before the cut is in force heals it all the same, and what was cut twice was whole before the first time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #cut(standby: ServerAddress): Promise<void> {
    if (this.#taken) return
    await withConnection(standby, async (reader) => {
      const { rows } = await reader.query<{ conninfo: string; own: boolean }>(
        `SELECT setting AS conninfo, coalesce(sourcefile ~ 'postgresql\\.auto\\.conf$', false) AS own
           FROM pg_settings WHERE name = 'primary_conninfo'`,
      )
      await reader.query("ALTER SYSTEM SET primary_conninfo = ''").catch((error: unknown) => {
        throw new EmulatorError(
          'EMULATOR_FAULT',
          `The standby cannot be cut off from the primary: ${(error as Error).message}. ` +
            'Forwarded sessions alone are cut off; this takes a superuser on the standby.',
          { cause: error },
        )
      })
      this.#taken = rows[0]
      await reader.query('SELECT pg_reload_conf()')
      for (;;) {
        const { rowCount } = await reader.query('SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL')
        if (rowCount === 0) return
        await delay(5)
      }
    })
  }

  async #heal(standby: ServerAddress): Promise<void> {
    const taken = this.#taken
    if (!taken) return
    await withConnection(standby, async (reader) => {
      const literal = `'${taken.conninfo.replaceAll("'", "''")}'`
      await reader.query(
        taken.own ? `ALTER SYSTEM SET primary_conninfo = ${literal}` : 'ALTER SYSTEM RESET primary_conninfo',
      )
      await reader.query('SELECT pg_reload_conf()')
    })
    this.#taken = undefined
  }
}
