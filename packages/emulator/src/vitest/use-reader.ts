import { inject } from 'vitest'
import { remoteReader, type RemoteReader } from '../control/remote-reader.ts'
import './provided.ts'

/**
 * The reader that {@link forwardingReader} has started, from within a test.
 *
 * @example
 * const reader = useReader()
 * beforeEach(() => reader.reset())
 */
export function useReader(): RemoteReader {
  const urls = {
    readerUrl: inject('readerUrl'),
    primaryUrl: inject('primaryUrl'),
    standbyUrl: inject('standbyUrl'),
  }
  return remoteReader(inject('forwardingReaderControl'), urls)
}
