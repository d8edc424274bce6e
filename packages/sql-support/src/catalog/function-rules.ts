import type { RuleId } from '../statement.ts'
import { AURORA_FUNCTIONS } from './aurora-functions.ts'
import { BUILTIN_FUNCTIONS } from './builtin-functions.ts'

const named = (rule: RuleId, names: string) =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, rule] as const)

/**
 * Functions of PostgreSQL's own that do more than compute. The first four groups are what hot standbys of
 * PostgreSQL 15, 16 and 18 refused when every function of pg_proc was called on them; `currval`, `lastval`,
 * `txid_current_if_assigned`, `lo_get` and their like were answered there and are not listed. The last of
 * `writer-function`, from `pg_import_system_collations` on, change the catalog, and are refused as that only once
 * what they are given makes sense.
 */
const RULES: ReadonlyMap<string, RuleId> = new Map([
  ...named('sequence', 'nextval setval'),
  ...named('listen-notify', 'pg_notify'),
  ...named(
    'large-object',
    `lo_creat lo_create lo_from_bytea lo_import lo_open lo_put lo_truncate lo_truncate64 lo_unlink lowrite`,
  ),
  ...named(
    'writer-function',
    `txid_current pg_current_xact_id pg_current_wal_lsn pg_current_wal_insert_lsn pg_current_wal_flush_lsn
     pg_walfile_name pg_walfile_name_offset pg_create_restore_point pg_switch_wal pg_log_standby_snapshot
     pg_logical_emit_message brin_summarize_new_values brin_summarize_range brin_desummarize_range
     gin_clean_pending_list pg_create_logical_replication_slot pg_copy_logical_replication_slot
     pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_oid
     pg_replication_origin_progress pg_replication_origin_session_is_setup pg_replication_origin_session_progress
     pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
     pg_replication_origin_xact_setup
     pg_import_system_collations pg_nextoid pg_stop_making_pinned_objects pg_restore_relation_stats
     pg_restore_attribute_stats pg_clear_relation_stats pg_clear_attribute_stats`,
  ),
  ...named(
    'advisory-lock',
    `pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
     pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
     pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all`,
  ),
])

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema'])

/** Rules whose function changes something that outlives the statement. */
export const WRITING_FUNCTION_RULES: ReadonlySet<RuleId> = new Set<RuleId>([
  'sequence',
  'listen-notify',
  'large-object',
  'writer-function',
])

/** The rule that calling a function touches; `undefined` for an ordinary function of PostgreSQL's or Aurora's own. */
export function functionRule(schema: string | undefined, name: string): RuleId | undefined {
  if (schema !== undefined && !SYSTEM_SCHEMAS.has(schema)) return 'user-function'
  const rule = RULES.get(name)
  if (rule !== undefined) return rule
  return BUILTIN_FUNCTIONS.has(name) || AURORA_FUNCTIONS.has(name) ? undefined : 'user-function'
}
