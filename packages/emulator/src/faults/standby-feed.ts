import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { EmulatorError } from '../emulator-error.ts'
import { withConnection } from '../postgres/connect.ts'
import type { ServerPair } from '../servers.ts'

type Pair = Pick<ServerPair, 'primary' | 'standby' | 'database'>

/** Where a standby gets its log from, so that it can be cut off and get it back. */
export class StandbyFeed {
  #taken: { readonly conninfo: string; readonly own: boolean } | undefined
  #turn: Promise<void> = Promise.resolve()

  /** Resolves when the standby receives nothing any more. @throws EmulatorError `EMULATOR_FAULT` if we may not do that */
  cut(pair: Pair): Promise<void> {
    return this.#inTurn(() => this.#cut(pair))
  }

  /** Resolves when the standby has been told where the primary is, as it was before. */
  heal(pair: Pair): Promise<void> {
    return this.#inTurn(() => this.#heal(pair))
  }

  /** Who heals before the cut is in force heals it all the same, and what was cut twice was whole before the first time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #cut(pair: Pair): Promise<void> {
    if (this.#taken) return
    const { standby, database } = pair
    const cutOff = async (reader: Client): Promise<void> => {
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
        const { rows: receivers } = await reader.query<{ name: string | null }>(receiver)
        if (!receivers[0]) return
        await endSender(pair, receivers[0].name)
        await delay(5)
      }
    }
    await withConnection(standby, cutOff, database)
  }

  async #heal({ standby, database }: Pair): Promise<void> {
    const taken = this.#taken
    if (!taken) return
    const join = async (reader: Client): Promise<void> => {
      const literal = `'${taken.conninfo.replaceAll("'", "''")}'`
      await reader.query(
        taken.own ? `ALTER SYSTEM SET primary_conninfo = ${literal}` : 'ALTER SYSTEM RESET primary_conninfo',
      )
      await reader.query('SELECT pg_reload_conf()')
    }
    await withConnection(standby, join, database)
    this.#taken = undefined
  }
}

/** Whether anything is received, and the name under which the primary knows it; null while that is not known yet. */
const receiver = `
  SELECT substring(conninfo FROM 'application_name=(.*?)(?: [a-z_]+=|$)') AS name
    FROM pg_stat_activity LEFT JOIN pg_stat_wal_receiver USING (pid) WHERE backend_type = 'walreceiver'`

/**
 * A standby that has paused replay, or waits out a delay, looks at its settings no sooner than it goes on: until then what it
 * receives ends with its sender alone. Another standby of that name connects again.
 */
async function endSender({ primary, database }: Pair, name: string | null): Promise<void> {
  const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = $1'
  // A primary that is away sends nothing.
  await withConnection(primary, (writer) => writer.query(end, [name]), database).catch(() => undefined)
}
