import { defineConfig } from 'vitest/config'

/** Packages import each other's sources, so tests need no build; only `e2e` runs what is published. */
const fromSource = {
  resolve: { conditions: ['@knex-flatten/source'] },
  ssr: { resolve: { conditions: ['@knex-flatten/source'] } },
}

// What is polled for comes when it comes: a busy machine takes longer than the second that vitest allows.
const long = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 20_000 } } }

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        ...fromSource,
        test: {
          name: 'units',
          include: ['packages/{sql-support,eslint-plugin}/test/**/*.test.ts', 'test/docs/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: 'emulator',
          include: ['packages/emulator/test/**/*.test.ts'],
          ...long,
        },
      },
      {
        ...fromSource,
        test: {
          // What the emulator offers to vitest, used as a user would.
          name: 'emulator in vitest',
          include: ['test/vitest/*.test.ts'],
          globalSetup: ['test/vitest/forwarding-reader.ts'],
          ...long,
        },
      },
      {
        ...fromSource,
        test: {
          // Everything that needs a primary, a standby and a forwarding reader, and is content to share them.
          name: 'servers',
          include: ['packages/knex-flatten/test/**/*.test.ts', 'test/{agreement,ecosystem}/**/*.test.ts'],
          globalSetup: ['test/setup/servers.ts'],
          ...long,
        },
      },
      {
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
  },
})
