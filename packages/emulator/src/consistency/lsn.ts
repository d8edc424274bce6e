/** A place in the write-ahead log, as PostgreSQL writes it (`16/B374D848`), in a form that compares. */
export function parseLsn(text: string): bigint {
  const parts = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text)
  if (!parts) throw new Error(`"${text}" is not a place in the write-ahead log`)
  return (BigInt(`0x${parts[1]!}`) << 32n) | BigInt(`0x${parts[2]!}`)
}
