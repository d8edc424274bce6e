import type { EmulatorErrorCode } from '../emulator-error.ts'

/** A call of one of a reader's methods, as it travels between processes. */
export interface Call {
  /** Of a database of its own, rather than the reader. */
  readonly database?: string
  /** `['lag', 'set']`, say. */
  readonly path: readonly string[]
  readonly values: readonly unknown[]
}

/** What came of it. */
export type Reply =
  | { readonly value?: unknown }
  | { readonly error: { readonly name: string; readonly message: string; readonly code?: EmulatorErrorCode } }
