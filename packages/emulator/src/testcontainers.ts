export { startContainerPair, type ContainerPair } from './containers/container-pair.ts'
export type { ContainerPairOptions } from './containers/container-options.ts'
