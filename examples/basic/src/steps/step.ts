import type { ForwardingReader } from '@knex-flatten/emulator'

/** What a step of the demo claims, and whether it was seen to happen. */
export interface StepResult {
  readonly claim: string
  readonly seen: string
  readonly holds: boolean
}

export type Step = (reader: ForwardingReader) => Promise<StepResult>
