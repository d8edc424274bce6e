export { default, forwardingReader, type GlobalSetup, type SetupOptions } from './vitest/setup.ts'
export { useReader } from './vitest/use-reader.ts'
export type { Remote, RemoteReader } from './control/remote-reader.ts'
