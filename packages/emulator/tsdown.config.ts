import { defineConfig } from 'tsdown'
import { base } from '../../tsdown.base.ts'

export default defineConfig({
  ...base,
  entry: {
    index: 'src/index.ts',
    cli: 'src/cli.ts',
    conformance: 'src/conformance/index.ts',
    testcontainers: 'src/testcontainers.ts',
    vitest: 'src/vitest.ts',
  },
})
