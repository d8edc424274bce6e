import { defineConfig } from 'tsdown'
import { base } from '../../tsdown.base.ts'

export default defineConfig({
  ...base,
  entry: [
    'src/index.ts',
    'src/consistency/consistency.ts',
    'src/otel/otel.ts',
    'src/routing/routing.ts',
    'src/testing/testing.ts',
    'src/web/express.ts',
    'src/web/fastify.ts',
    'src/web/koa.ts',
    'src/web/nestjs-cls.ts',
  ],
})
