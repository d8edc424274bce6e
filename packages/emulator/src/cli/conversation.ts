import { spawnSync } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { ForwardingReader } from '../forwarding-reader.ts'
import { complete, isQuit, runLine } from './commands.ts'
import { statusText } from './status-text.ts'

/** Where a conversation takes place. */
export interface Surroundings {
  readonly input: NodeJS.ReadStream
  /** The prompt, and what goes wrong. */
  readonly screen: NodeJS.WriteStream
  /** Answers. */
  readonly output: NodeJS.WritableStream
  readonly json: boolean
  readonly color: boolean
}

const refreshMs = 500
/** Room for what is typed. */
const typingWidth = 24

/**
 * Drives a reader by lines that are typed, or come from a script. On a terminal the prompt shows how things are, and changes
 * as they do.
 */
export class Conversation {
  readonly #reader: ForwardingReader
  readonly #around: Surroundings
  readonly #lines: Interface | undefined
  readonly #live: boolean
  #refresh: NodeJS.Timeout | undefined
  #prompt = ''
  #turn: Promise<void> = Promise.resolve()
  #over = false

  /** @param stop called when the person asks for the end */
  constructor(reader: ForwardingReader, around: Surroundings, stop: () => void) {
    this.#reader = reader
    this.#around = around
    const { input, screen } = around
    // In the background, asking the terminal for a line would suspend us.
    const reads = !input.isTTY || isInForeground()
    this.#live = reads && input.isTTY && screen.isTTY && process.env['TERM'] !== 'dumb'
    if (!reads) return
    this.#lines = createInterface({
      input,
      ...(this.#live && { output: screen, completer: complete }),
      terminal: this.#live,
    })
    this.#lines.on('line', (line) => {
      // One after another: a script's second line may build on its first.
      this.#turn = this.#turn.then(() => (isQuit(line) ? stop() : this.#perform(line)))
    })
    this.#lines.on('SIGINT', stop)
    // A script's end is not the reader's, nor is a closed input: only Ctrl-D on a terminal is meant so.
    this.#lines.on('close', () => this.#live && stop())
    if (!this.#live) return
    this.#show()
    this.#refresh = setInterval(() => this.#show(), refreshMs)
  }

  /** Says something that nobody asked for, above what is being typed. */
  say(text: string): void {
    const { screen } = this.#around
    if (!this.#live || this.#over) {
      screen.write(`${text}\n`)
      return
    }
    screen.write(`\r\u001b[J${text}\n`)
    this.#lines?.prompt(true)
  }

  end(): void {
    this.#over = true
    clearInterval(this.#refresh)
    this.#lines?.close()
    this.#around.input.destroy()
    if (this.#live) this.#around.screen.write('\n')
  }

  async #perform(line: string): Promise<void> {
    if (this.#over) return
    const { json, output, screen } = this.#around
    const tell = (what: object, text: string, where: NodeJS.WritableStream): void => {
      if (json) output.write(`${JSON.stringify({ command: line.trim(), ...what })}\n`)
      else where.write(`${text}\n`)
    }
    try {
      const answer = await runLine(this.#reader, line)
      if (answer !== undefined) {
        tell({ answer, status: this.#reader.status() }, answer, this.#live ? screen : output)
      }
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      tell({ error: { code, message } }, message, screen)
    }
    if (this.#live) {
      this.#prompt = ''
      this.#show()
    }
  }

  #show(): void {
    if (this.#over) return
    const { screen, color } = this.#around
    const status = statusText(this.#reader.status(), (screen.columns || 80) - typingWidth)
    const prompt = `${color && status !== '' ? `\u001b[2m${status}\u001b[22m` : status} > `.trimStart()
    if (prompt === this.#prompt) return
    this.#prompt = prompt
    this.#lines?.setPrompt(prompt)
    this.#lines?.prompt(true)
  }
}

/** Where nobody can say, as in a small container, we are alone there. */
function isInForeground(): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(process.pid)], { encoding: 'utf8' })
  return typeof stdout !== 'string' || stdout.trim() === '' || stdout.includes('+')
}
