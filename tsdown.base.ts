import type { UserConfig } from 'tsdown'

/** How every package is built: one ES module with its types, for the oldest Node that is supported. */
export const base: UserConfig = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  dts: true,
  inputOptions: { checks: { pluginTimings: false } },
}
