-- Every function that SQL text can call and that PostgreSQL itself brings along.
SELECT DISTINCT proname
FROM pg_proc
WHERE oid < 16384
  AND pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND prorettype NOT IN (SELECT oid FROM pg_type WHERE typname IN (
    'internal', 'trigger', 'event_trigger', 'cstring', 'fdw_handler', 'index_am_handler', 'table_am_handler',
    'tsm_handler', 'language_handler'))
  AND NOT ('internal'::regtype = ANY (proargtypes::oid[]))
  AND NOT ('cstring'::regtype = ANY (proargtypes::oid[]))
  AND proname !~ '^(binary_upgrade_|RI_FKey_|plpgsql_)'
UNION
-- A type's name called like a function is a cast: regrole('reader').
SELECT typname
FROM pg_type
WHERE oid < 16384 AND typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typname !~ '^_'
ORDER BY 1;
