import { forwardParameters, readValue, type ForwardParameter } from '../settings/forward-parameters.ts'

/**
 * pg_settings with Aurora's own rows. A parameter that no module of the server defines is no row of it by itself, and the row
 * is what tells a client that Aurora's parameters are real ones; AWS's drivers look for `rds.extensions`.
 */
export const settingsView: string = `
SET LOCAL allow_system_table_mods = on;
CREATE OR REPLACE VIEW pg_catalog.pg_settings AS
  SELECT * FROM pg_show_all_settings() a
   UNION ALL
  SELECT s.name, s.setting, s.unit, 'Customized Options', s.short_desc, NULL, s.context, s.vartype,
         CASE WHEN s.setting = s.boot_val THEN 'default' ELSE 'session' END,
         s.min_val, s.max_val, s.enumvals, s.boot_val, s.boot_val, NULL, NULL::integer, false
    FROM (VALUES ${[...forwardParameters.map(row), rdsExtensions()].join(',\n                 ')})
      AS s(name, setting, unit, short_desc, context, vartype, min_val, max_val, enumvals, boot_val);`

function row(parameter: ForwardParameter): string {
  const { name, type, defaultValue, settable, description } = parameter
  const base = type.kind === 'enum' ? defaultValue : numberOf(parameter)
  const unit = type.kind === 'integer' && type.unit !== undefined ? literal(type.unit) : 'NULL'
  const current = `coalesce(nullif(current_setting(${literal(name)}, true), ''), ${literal(base)})`
  return `(${[
    literal(name),
    type.kind === 'integer' && type.unit !== undefined ? inUnit(current, type.unit) : current,
    unit,
    literal(description),
    settable ? `'user'` : `'sighup'`,
    literal(type.kind),
    type.kind === 'enum' ? 'NULL' : `'0'`,
    type.kind === 'enum' ? 'NULL' : literal(String(type.max)),
    type.kind === 'enum' ? `ARRAY[${type.values.map(literal).join(', ')}]` : 'NULL',
    literal(base),
  ].join(', ')})`
}

/** What SHOW says in its largest unit, pg_settings says in the parameter's own. */
function inUnit(value: string, unit: 's' | 'ms'): string {
  const factor = unit === 's' ? '' : ' * 1000'
  return `CASE WHEN ${value} ~ '^\\d+(us|ms|s|min|h|d)$' THEN (extract(epoch FROM ${value}::interval)${factor})::bigint::text ELSE ${value} END`
}

function numberOf(parameter: ForwardParameter): string {
  const read = readValue(parameter, parameter.defaultValue)
  return 'number' in read ? String(read.number) : parameter.defaultValue
}

function rdsExtensions(): string {
  const about = 'The extensions that may be created; here only what drivers look for.'
  const value = literal('aurora_stat_utils')
  return `('rds.extensions', ${value}, NULL, ${literal(about)}, 'sighup', 'string', NULL, NULL, NULL, ${value})`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
