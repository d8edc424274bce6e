/** The two servers, as the names of Aurora's instances; each keeps its own when the roles change. */
export const instanceNames = ['instance-1', 'instance-2'] as const

/**
 * Aurora's own functions, with the names and columns that AWS documents; what no page says, such as the columns' types, is
 * chosen so that the queries of AWS's drivers work. They are made once on the primary, and replicate: what they answer
 * depends on the server that is asked.
 */
export const auroraFunctions = `
CREATE OR REPLACE FUNCTION pg_catalog.aurora_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  SELECT current_setting('server_version_num')::int / 10000 || '.' || current_setting('server_version_num')::int % 10000 || '.0'
$$;
COMMENT ON FUNCTION pg_catalog.aurora_version() IS 'Version, in the form that Aurora gives it';

CREATE OR REPLACE FUNCTION pg_catalog.aurora_db_instance_identifier() RETURNS varchar
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  SELECT coalesce(nullif(current_setting('cluster_name'), ''),
                  CASE WHEN pg_is_in_recovery() THEN '${instanceNames[1]}' ELSE '${instanceNames[0]}' END)
$$;
COMMENT ON FUNCTION pg_catalog.aurora_db_instance_identifier() IS 'Name of the instance that is asked';

CREATE OR REPLACE FUNCTION pg_catalog.aurora_replica_status(
  OUT server_id text, OUT session_id text, OUT durable_lsn bigint, OUT highest_lsn_rcvd bigint,
  OUT current_read_lsn bigint, OUT cur_replay_latency_in_usec bigint, OUT active_txns integer, OUT is_current boolean,
  OUT last_transport_error integer, OUT last_error_timestamp timestamptz, OUT last_update_timestamp timestamptz,
  OUT feedback_xmin bigint, OUT feedback_epoch bigint, OUT replica_lag_in_msec integer,
  OUT log_stream_speed_in_kib_per_second double precision, OUT log_buffer_sequence_number bigint,
  OUT oldest_read_view_trx_id bigint, OUT oldest_read_view_lsn bigint, OUT pending_read_ios integer, OUT read_ios bigint,
  OUT iops integer, OUT cpu double precision) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  self text := aurora_db_instance_identifier();
  other text := CASE self WHEN '${instanceNames[0]}' THEN '${instanceNames[1]}' ELSE '${instanceNames[0]}' END;
  received pg_lsn;
  replayed pg_lsn;
  lag interval;
BEGIN
  is_current := true;
  last_transport_error := 0;
  log_stream_speed_in_kib_per_second := 0;
  log_buffer_sequence_number := 0;
  pending_read_ios := 0;
  read_ios := 0;
  cpu := 0;

  IF pg_is_in_recovery() THEN
    received := greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn());
    replayed := pg_last_wal_replay_lsn();
    lag := CASE WHEN replayed < received THEN clock_timestamp() - pg_last_xact_replay_timestamp() END;
  ELSE
    received := pg_current_wal_flush_lsn();
    SELECT r.replay_lsn, CASE WHEN r.replay_lsn < received THEN r.replay_lag END INTO replayed, lag
      FROM pg_stat_replication r WHERE r.state = 'streaming' ORDER BY r.application_name <> 'standby' LIMIT 1;
  END IF;

  server_id := CASE WHEN pg_is_in_recovery() THEN other ELSE self END;
  session_id := 'MASTER_SESSION_ID';
  durable_lsn := received - '0/0'::pg_lsn;
  last_update_timestamp := CASE WHEN pg_is_in_recovery() THEN clock_timestamp() END;
  RETURN NEXT;

  IF replayed IS NULL THEN
    RETURN;
  END IF;
  server_id := CASE WHEN pg_is_in_recovery() THEN self ELSE other END;
  session_id := md5(server_id)::uuid;
  durable_lsn := replayed - '0/0'::pg_lsn;
  highest_lsn_rcvd := received - '0/0'::pg_lsn;
  current_read_lsn := durable_lsn;
  replica_lag_in_msec := coalesce(extract(epoch FROM lag) * 1000, 0);
  cur_replay_latency_in_usec := coalesce(extract(epoch FROM lag) * 1000000, 0);
  active_txns := 0;
  last_update_timestamp := CASE WHEN NOT pg_is_in_recovery() THEN clock_timestamp() END;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pg_catalog.aurora_replica_status() IS 'Status of the writer and of the readers';

CREATE OR REPLACE FUNCTION pg_catalog.aurora_global_db_status(
  OUT aws_region text, OUT highest_lsn_written bigint, OUT durability_lag_in_msec bigint, OUT rpo_lag_in_msec bigint,
  OUT last_lag_calculation_time timestamptz, OUT feedback_epoch bigint, OUT feedback_xmin bigint) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz, NULL::bigint, NULL::bigint WHERE false
$$;
COMMENT ON FUNCTION pg_catalog.aurora_global_db_status() IS 'Regions of the global database; there is none';

CREATE OR REPLACE FUNCTION pg_catalog.aurora_global_db_instance_status(
  OUT server_id text, OUT session_id text, OUT aws_region text, OUT durable_lsn bigint, OUT highest_lsn_rcvd bigint,
  OUT feedback_epoch bigint, OUT feedback_xmin bigint, OUT oldest_read_view_lsn bigint,
  OUT visibility_lag_in_msec integer) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::int
   WHERE false
$$;
COMMENT ON FUNCTION pg_catalog.aurora_global_db_instance_status() IS 'Instances of the global database; there is none';

CREATE OR REPLACE FUNCTION pg_catalog.aurora_list_builtins(
  OUT "Name" text, OUT "Result data type" text, OUT "Argument data types" text, OUT "Type" text, OUT "Volatility" text,
  OUT "Parallel" text, OUT "Security" text, OUT "Description" text) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  SELECT p.proname::text, pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), 'func',
         CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
         CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
         CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END, obj_description(p.oid, 'pg_proc')
    FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND starts_with(p.proname::text, 'aurora_')
   ORDER BY p.proname
$$;
COMMENT ON FUNCTION pg_catalog.aurora_list_builtins() IS 'The functions of Aurora that there are';`
