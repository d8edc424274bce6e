/** Where progress goes: a terminal gets one line that changes, anything else one line per step. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const clearLine = '\r\u001b[2K'

/** Tells a person what is going on while servers start. */
export class Progress {
  readonly #output: ProgressOutput
  #live: boolean

  constructor(output: ProgressOutput) {
    this.#output = output
    this.#live = output.isTTY === true
  }

  step(text: string): void {
    this.#output.write(this.#live ? `${clearLine}${text} …` : `${text}\n`)
  }

  /** Takes the changing line away; whatever comes later stays on a line of its own. */
  done(): void {
    if (this.#live) this.#output.write(clearLine)
    this.#live = false
  }
}
