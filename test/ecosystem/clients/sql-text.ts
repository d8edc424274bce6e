import type { Item } from './client.ts'

/** A literal that neither psql nor pgbench takes for one with a variable in it. */
export function literal(value: unknown): string {
  if (value === null) return 'null'
  const text = Buffer.isBuffer(value)
    ? `\\x${value.toString('hex')}`
    : value instanceof Date
      ? value.toISOString()
      : typeof value === 'string'
        ? value
        : JSON.stringify(value)
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll(':', '\\u003a')}'`
}

/** The values of an item as a row, for programs that have no parameters. */
export function rowOf({ id, name, data, doc, tags, made, price, flag }: Item): string {
  const list = tags && `array[${tags.map(literal).join(', ')}]`
  return `(${[literal(id), literal(name), literal(data), literal(doc), list ?? 'null', literal(made), literal(price), literal(flag)].join(', ')})`
}
