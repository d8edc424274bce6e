import { asConfiguration, pairSettings, superuser } from '../postgres/cluster.ts'

/** Where the servers listen inside their containers. */
export const containerPort = 5432

/** What a server writes to its log as soon as it can be reached, a standby included. */
export const readyMessage: RegExp = /database system is ready to accept/

/**
 * What a container runs instead of its image's entrypoint, which would be another in each image. It asks for a POSIX shell
 * and PostgreSQL's programs only, and keeps its data in /tmp because any user may write there.
 */
export const serverScript = `
set -eu
if [ -n "\${PG_BIN:-}" ]; then
  # Another version than the one that was asked for would go unnoticed.
  [ -x "$PG_BIN/postgres" ] || { echo "there is no program postgres in $PG_BIN" >&2; exit 127; }
  PATH="$PG_BIN:$PATH"
elif ! command -v postgres >/dev/null; then
  for folder in /usr/lib/postgresql/*/bin; do PATH="$folder:$PATH"; done
fi
for program in initdb postgres pg_basebackup; do
  command -v "$program" >/dev/null || { echo "there is no program $program in $PATH" >&2; exit 127; }
done
data=/tmp/forwarding-reader
umask 077
if [ -n "\${PRIMARY_HOST:-}" ]; then
  pg_basebackup --host="$PRIMARY_HOST" --port=${containerPort} --username=${superuser} --no-password \\
    --pgdata="$data" --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync
else
  printf '%s' "$PGPASSWORD" > /tmp/password
  initdb --pgdata="$data" --username=${superuser} --pwfile=/tmp/password --auth=scram-sha-256 \\
    --encoding=UTF8 --locale=C --no-sync
  rm /tmp/password
  printf '%s\\n' "$SETTINGS" >> "$data/postgresql.conf"
  printf 'host all,replication all all scram-sha-256\\n' >> "$data/pg_hba.conf"
fi
exec postgres -D "$data"
`

/** What the script is told. Without a primary to copy it makes one. */
export function serverEnvironment(
  password: string,
  { pgBin, primaryHost }: { pgBin?: string | undefined; primaryHost?: string | undefined },
): Record<string, string> {
  return {
    // Not what the image has set for the entrypoint that we leave out.
    PGDATA: '',
    PGPASSWORD: password,
    LC_ALL: 'C',
    SETTINGS: asConfiguration({ ...pairSettings, listen_addresses: '*', port: containerPort }),
    ...(pgBin !== undefined && { PG_BIN: pgBin }),
    ...(primaryHost !== undefined && { PRIMARY_HOST: primaryHost }),
  }
}
