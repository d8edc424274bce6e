export type { ConformanceCase, Expectation, Step } from './case.ts'
export { conformanceCases } from './cases.ts'
export { replay } from './replay.ts'
export type { CaseResult, Difference, ReplayOptions } from './replay.ts'
