/**
 * The bytes that open each message of PostgreSQL's frontend/backend protocol 3.0
 * (https://www.postgresql.org/docs/16/protocol-message-formats.html).
 */

/** What a client sends. */
export const frontend = {
  query: 0x51, // Q
  parse: 0x50, // P
  bind: 0x42, // B
  describe: 0x44, // D
  execute: 0x45, // E
  close: 0x43, // C
  flush: 0x48, // H
  sync: 0x53, // S
  functionCall: 0x46, // F
  terminate: 0x58, // X
  password: 0x70, // p
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
} as const

/** What a server sends. */
export const backend = {
  authentication: 0x52, // R
  parameterStatus: 0x53, // S
  keyData: 0x4b, // K
  readyForQuery: 0x5a, // Z
  errorResponse: 0x45, // E
  noticeResponse: 0x4e, // N
  notification: 0x41, // A
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  parameterDescription: 0x74, // t
  rowDescription: 0x54, // T
  noData: 0x6e, // n
  dataRow: 0x44, // D
  commandComplete: 0x43, // C
  emptyQuery: 0x49, // I
  portalSuspended: 0x73, // s
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  copyBoth: 0x57, // W
  copyData: 0x64, // d
  functionResult: 0x56, // V
  negotiateVersion: 0x76, // v
} as const

/** The status byte of ReadyForQuery: outside a transaction, inside one, inside an aborted one. */
export const status = {
  idle: 0x49, // I
  open: 0x54, // T
  failed: 0x45, // E
} as const
