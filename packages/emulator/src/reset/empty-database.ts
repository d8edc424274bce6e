import type { ServerPair } from '../servers.ts'
import { withConnection } from '../postgres/connect.ts'
import { standbyCatchesUp } from '../postgres/replication.ts'

/** Sessions that a forgotten transaction keeps on a table would make dropping it wait for ever, on either server. */
export const endBlockers = `
  SELECT pg_terminate_backend(pid) FROM (
    SELECT DISTINCT l.pid FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
      JOIN pg_stat_activity a ON a.pid = l.pid AND a.backend_type = 'client backend'
     WHERE l.locktype = 'relation' AND l.relation >= 16384 AND l.pid <> pg_backend_pid()) AS blocking`

const dropEverything = `
  DO $$
  DECLARE it record;
  BEGIN
    FOR it IN SELECT evtname AS name FROM pg_event_trigger LOOP
      EXECUTE format('DROP EVENT TRIGGER %I CASCADE', it.name);
    END LOOP;
    FOR it IN SELECT pubname AS name FROM pg_publication LOOP
      EXECUTE format('DROP PUBLICATION %I CASCADE', it.name);
    END LOOP;
    FOR it IN SELECT nspname AS name FROM pg_namespace
               WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' LOOP
      EXECUTE format('DROP SCHEMA %I CASCADE', it.name);
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
    CREATE SCHEMA public;
    IF current_setting('server_version_num')::int >= 150000 THEN
      ALTER SCHEMA public OWNER TO pg_database_owner;
      GRANT USAGE ON SCHEMA public TO PUBLIC;
    ELSE
      GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
  END
  $$`

/**
 * Makes the database empty again on both servers: schemas, and with them tables, functions, types and extensions, event
 * triggers, publications and large objects. Roles, other databases and idle connections stay; a session that holds a lock
 * on a table is ended.
 */
export async function emptyDatabase({
  primary,
  standby,
  database,
}: Pick<ServerPair, 'primary' | 'standby' | 'database'>): Promise<void> {
  await withConnection(
    primary,
    async (writer) => {
      await writer.query(endBlockers)
      await writer.query(dropEverything)
    },
    database,
  )
  await withConnection(standby, (reader) => reader.query(endBlockers), database)
  await standbyCatchesUp({ primary, standby, database })
}
