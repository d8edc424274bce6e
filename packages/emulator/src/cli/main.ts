import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { listAssumptions } from '../assumptions/assumptions.ts'
import { EmulatorError } from '../emulator-error.ts'
import { ownFile } from '../own-package.ts'
import type { ForwardingReader } from '../forwarding-reader.ts'
import { startForwardingReader } from '../start.ts'
import { parseArguments, type Command } from './arguments.ts'
import { Conversation } from './conversation.ts'
import { conformanceHelp } from './conformance-arguments.ts'
import { help } from './help.ts'
import { Progress } from './progress.ts'
import { runConformance } from './run-conformance.ts'
import { showAssumptions } from './show-assumptions.ts'

/** Runs the command line to its end and returns the exit code: 0, 1 if it could not start or stop, 2 for a wrong option. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(parseArguments(args))
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error
    process.stderr.write(`forwarding-reader: ${error.message}\n`)
    if (error.code !== 'EMULATOR_OPTIONS') return 1
    process.stderr.write(`See forwarding-reader ${args[0] === 'conformance' ? 'conformance ' : ''}--help.\n`)
    return 2
  }
}

async function run(command: Command): Promise<number> {
  if (command.run === 'help') {
    process.stdout.write(help)
    return 0
  }
  if (command.run === 'version') {
    const { version } = JSON.parse(await readFile(ownFile('package.json'), 'utf8')) as { version: string }
    process.stdout.write(`${version}\n`)
    return 0
  }
  if (command.run === 'conformance-help') {
    process.stdout.write(conformanceHelp)
    return 0
  }
  if (command.run === 'conformance') return runConformance(command)
  if (command.run === 'assumptions') {
    const { profile, chosen, json } = command
    const list = listAssumptions(profile)
    const told = list.map((each) => ({ ...each, value: chosen[each.id] ?? each.default }))
    process.stdout.write(json ? `${JSON.stringify(told)}\n` : showAssumptions(list, chosen))
    return 0
  }
  return start(command)
}

async function start({ json, color, options }: Extract<Command, { run: 'start' }>): Promise<number> {
  const began = Date.now()
  const end = new AbortController()
  const ended = once(end.signal, 'abort')
  // A signal during the start is honoured once there is something whole to stop. Later ones change nothing: npx passes on
  // the Ctrl-C that the terminal has sent us already.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort())
  const progress = new Progress(process.stderr)
  let conversation: Conversation | undefined
  const onProgress = (step: string): void => (conversation ? conversation.say(step) : progress.step(step))
  const reader = await startForwardingReader({ ...options, onProgress }).finally(() => progress.done())
  process.stdout.write(json ? asJson(reader) : asText(reader))
  process.stderr.write(`Ready in ${((Date.now() - began) / 1000).toFixed(1)} s. Ctrl-C stops it.\n`)
  const around = {
    input: process.stdin,
    screen: process.stderr,
    output: process.stdout,
    json,
    color: color && !process.env['NO_COLOR'],
  }
  if (!end.signal.aborted) {
    conversation = new Conversation(reader, around, () => end.abort())
    await ended
    conversation.end()
  }
  process.stderr.write('Stopping\n')
  await reader.stop()
  return 0
}

function asJson({ readerUrl, primaryUrl, standbyUrl }: ForwardingReader): string {
  return `${JSON.stringify({ readerUrl, primaryUrl, standbyUrl })}\n`
}

function asText({ readerUrl, primaryUrl, standbyUrl }: ForwardingReader): string {
  return `reader   ${readerUrl}\nprimary  ${primaryUrl}\nstandby  ${standbyUrl}\n`
}
