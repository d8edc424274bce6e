import { styleText } from 'node:util'

/** Where the story goes; progress that rewrites itself only on a terminal. */
const out = process.stdout

export function title(text: string): void {
  out.write(`\n${styleText('bold', text)}\n`)
}

export function say(text: string): void {
  for (const line of text.split('\n')) out.write(`  ${line}\n`)
}

export function bad(text: string): void {
  say(styleText('red', text))
}

export function good(text: string): void {
  say(styleText('green', text))
}

/** Tells one step of a long start after the other, each with the seconds it took. */
export class Progress {
  readonly #started = performance.now()
  #current: { step: string; since: number } | undefined

  step(step: string): void {
    this.#finishCurrent()
    this.#current = { step, since: performance.now() }
    if (out.isTTY) out.write(`  … ${step}`)
  }

  done(step: string): void {
    this.#finishCurrent()
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1)
    good(`✓ ${step} (${seconds} s)`)
  }

  #finishCurrent(): void {
    if (!this.#current) return
    const { step, since } = this.#current
    if (out.isTTY) out.write('\r\u001b[2K')
    say(styleText('dim', `· ${step} (${((performance.now() - since) / 1000).toFixed(1)} s)`))
    this.#current = undefined
  }
}

/** A table whose columns are as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  for (const [index, row] of cells.entries()) {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
    say(index === 0 ? styleText('underline', line) : line)
  }
}
