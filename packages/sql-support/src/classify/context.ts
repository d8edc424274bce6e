import { utf16Offsets } from '../grammar/offsets.ts'
import type { ToUtf16 } from '../grammar/offsets.ts'
import { Words } from '../text/words.ts'

/** What is known of the text while its statements are read. */
export interface Context {
  readonly text: string
  readonly words: Words
  readonly toUtf16: ToUtf16
}

export function contextOf(text: string): Context {
  return { text, words: new Words(text), toUtf16: utf16Offsets(text) }
}
