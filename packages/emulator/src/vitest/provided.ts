import type {} from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    readerUrl: string
    primaryUrl: string
    standbyUrl: string
    /** Where tests reach the reader's methods. */
    forwardingReaderControl: string
  }
}
