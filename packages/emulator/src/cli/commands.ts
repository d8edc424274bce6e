import { EmulatorError } from '../emulator-error.ts'
import { faultCommands, runFault } from '../faults/fault-list.ts'
import type { ForwardingReader } from '../forwarding-reader.ts'
import { parseDuration } from './duration.ts'
import { statusText } from './status-text.ts'

/** What can be typed while the reader runs. */
interface Command {
  /** As the help shows it. */
  readonly usage: string
  readonly does: string
  /** What may stand behind the name, for completion. */
  readonly words?: readonly string[]
  /** @returns what to say when it is done */
  run(reader: ForwardingReader, words: readonly string[]): Promise<string>
}

const commands: Readonly<Record<string, Command>> = {
  lag: {
    usage: 'lag <time> | pause | resume',
    does: 'how much later the standby shows a commit',
    words: ['pause', 'resume'],
    run: async (reader, words) => {
      const what = only('lag', words)
      if (what === 'pause') await reader.lag.pause()
      else if (what === 'resume') await reader.lag.resume()
      else await reader.lag.set(parseDuration('lag', what))
      return lagText(reader)
    },
  },
  latency: {
    usage: 'latency <time>',
    does: 'added to each crossing',
    run: async (reader, words) => {
      const ms = parseDuration('latency', only('latency', words))
      reader.latency.set(ms)
      return Promise.resolve(`each crossing takes ${ms} ms more`)
    },
  },
  fault: {
    usage: 'fault <name> …',
    does: 'makes a fault, or takes it back; the names are below',
    words: faultCommands.map(({ name }) => name),
    run: (reader, [name = '', ...words]) => runFault(reader.faults, name, words),
  },
  snapshot: {
    usage: 'snapshot',
    does: 'remembers what the database holds now',
    run: async (reader, words) => {
      none('snapshot', words)
      await reader.snapshot()
      return 'reset goes back to what is there now'
    },
  },
  reset: {
    usage: 'reset [empty]',
    does: 'back to the snapshot, or an empty database; counters, lag, latency and faults too',
    words: ['empty'],
    run: async (reader, words) => {
      if (words[0] !== 'empty') none('reset', words)
      await reader.reset(words[0] === 'empty' ? { to: 'empty' } : undefined)
      return 'reset'
    },
  },
  status: {
    usage: 'status',
    does: 'sessions, crossings, refusals, lag, latency, faults',
    run: async (reader, words) => {
      none('status', words)
      return Promise.resolve(statusText(reader.status()))
    },
  },
  refusals: {
    usage: 'refusals',
    does: 'what was refused since the last reset, and by which rule',
    run: async (reader, words) => {
      none('refusals', words)
      const lines = reader.refusals().map(({ rule, statement }) => `${rule}: ${statement}`)
      return Promise.resolve(lines.join('\n') || 'nothing was refused')
    },
  },
  help: {
    usage: 'help',
    does: 'shows this',
    run: () => Promise.resolve(commandHelp()),
  },
}

/** Typed by itself it ends the reader. */
const quit = 'quit'

/** Carries out a line. @returns what to say; undefined for an empty line; `quit` @throws EmulatorError */
export async function runLine(reader: ForwardingReader, line: string): Promise<string | undefined> {
  const [name, ...words] = line.trim().split(/\s+/)
  if (name === undefined || name === '') return undefined
  if (!Object.hasOwn(commands, name)) {
    const known = [...Object.keys(commands), quit].join(', ')
    throw new EmulatorError('EMULATOR_OPTIONS', `There is no command '${name}'. Allowed: ${known}.`)
  }
  return commands[name]!.run(reader, words)
}

export const isQuit = (line: string): boolean => [quit, 'exit'].includes(line.trim())

/** What the last word of a line could become, as readline wants it. */
export function complete(line: string): [string[], string] {
  const words = line.trimStart().split(/\s+/)
  const last = words.at(-1)!
  const first = commands[words[0]!]
  const known =
    words.length === 1
      ? [...Object.keys(commands), quit]
      : words.length === 2
        ? (first?.words ?? [])
        : words[0] === 'fault'
          ? (faultCommands.find(({ name }) => name === words[1])?.arguments[words.length - 3]?.values ?? [])
          : []
  return [known.filter((word) => word.startsWith(last)).map((word) => `${word} `), last]
}

function commandHelp(): string {
  const rows = Object.values(commands).map(({ usage, does }) => [usage, does] as const)
  const faults = faultCommands.map(
    ({ name, arguments: taken, does }) =>
      [`fault ${[name, ...taken.map(({ values }) => values.join('|'))].join(' ')}`, does] as const,
  )
  return (
    [...rows, [quit, 'stops everything'] as const, ...faults]
      // What is too long for its column has a line of its own.
      .map(([usage, does]) => `${usage.padEnd(30)}${usage.length > 30 ? `\n${' '.repeat(30)}` : ''} ${does}`)
      .join('\n')
  )
}

function lagText(reader: ForwardingReader): string {
  const { lagMs, lagPaused } = reader.status()
  return lagPaused ? 'the standby is paused' : `the standby shows a commit after ${lagMs} ms`
}

function only(command: string, words: readonly string[]): string {
  if (words.length === 1) return words[0]!
  // `1.5 s` is one time.
  if (words.length === 2 && /^\d/.test(words[0]!)) return words.join(' ')
  throw new EmulatorError('EMULATOR_OPTIONS', `Command '${command}' is used as: ${commands[command]!.usage}.`)
}

function none(command: string, words: readonly string[]): void {
  if (words.length === 0) return
  throw new EmulatorError('EMULATOR_OPTIONS', `Command '${command}' is used as: ${commands[command]!.usage}.`)
}
