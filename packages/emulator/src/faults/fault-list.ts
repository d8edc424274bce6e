import { EmulatorError } from '../emulator-error.ts'
import type { Faults } from './faults.ts'

/** A word that may or must follow a fault's name. */
interface FaultArgument {
  readonly name: string
  readonly values: readonly [string, ...string[]]
  /** What is meant where it is left out; without one it must be given. */
  readonly default?: string
}

/** A fault as a person types it. */
export interface FaultCommand {
  readonly name: string
  /** One line. */
  readonly does: string
  readonly arguments: readonly FaultArgument[]
  /** @returns what to say when it is done */
  run(faults: Faults, values: readonly string[]): Promise<string>
}

const plain = (
  name: string,
  does: string,
  done: string,
  act: (faults: Faults) => Promise<void>,
): FaultCommand => ({
  name,
  does,
  arguments: [],
  run: async (faults) => {
    await act(faults)
    return done
  },
})

/** All faults, for whoever offers them by name. */
export const faultCommands: readonly FaultCommand[] = [
  plain('restart-writer', 'shuts the primary down and starts it again', 'the primary is back', (faults) =>
    faults.restartWriter(),
  ),
  plain(
    'crash-writer',
    'kills the primary’s processes and starts it again',
    'the primary is back',
    (faults) => faults.crashWriter(),
  ),
  plain('restart-standby', 'shuts the standby down and starts it again', 'the standby is back', (faults) =>
    faults.restartStandby(),
  ),
  {
    name: 'kill-forwarded-sessions',
    does: 'ends the reader’s sessions on the primary',
    arguments: [],
    run: async (faults) => `${await faults.killForwardedSessions()} forwarded sessions ended`,
  },
  {
    name: 'lose-next-commit-answer',
    does: 'the next commit that crosses gets no answer',
    arguments: [
      { name: 'what becomes of it', values: ['applied', 'not-applied'] },
      { name: 'which connection breaks', values: ['writer', 'client'], default: 'writer' },
    ],
    run: async (faults, [fate, severs]) => {
      await faults.loseNextCommitAnswer({
        applied: fate === 'applied',
        severs: severs as 'writer' | 'client',
      })
      return 'the next commit gets no answer'
    },
  },
  plain('exhaust-slots', 'no new session on the primary', 'no slot is left', (faults) =>
    faults.exhaustSlots(),
  ),
  plain('release-slots', 'takes exhaust-slots back', 'slots are free again', (faults) =>
    faults.releaseSlots(),
  ),
  plain('cut-network', 'nothing passes between reader and primary', 'the network is cut', (faults) =>
    faults.cutNetwork(),
  ),
  plain('heal-network', 'takes cut-network back', 'the network is whole', (faults) => faults.healNetwork()),
  plain('switchover', 'primary and standby change places', 'the roles have changed', (faults) =>
    faults.switchover(),
  ),
]

/**
 * Makes a fault by its name.
 *
 * @param typed its arguments, as words
 * @throws EmulatorError `EMULATOR_OPTIONS` for a name or an argument that does not exist, with those that do
 */
export async function runFault(faults: Faults, name: string, typed: readonly string[]): Promise<string> {
  const command = faultCommands.find((each) => each.name === name)
  if (!command) {
    const names = faultCommands.map((each) => each.name).join(', ')
    throw new EmulatorError('EMULATOR_OPTIONS', `There is no fault '${name}'. Allowed: ${names}.`)
  }
  if (typed.length > command.arguments.length) {
    const extra = typed[command.arguments.length]!
    throw new EmulatorError('EMULATOR_OPTIONS', `Fault '${name}' takes no '${extra}'.`)
  }
  const values = command.arguments.map((argument, at) => {
    const value = typed[at] ?? argument.default
    if (value !== undefined && argument.values.includes(value)) return value
    const given = value === undefined ? 'is missing' : `is '${value}'`
    const allowed = argument.values.join(', ')
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `Fault '${name}': ${argument.name} ${given}; allowed: ${allowed}.`,
    )
  })
  return command.run(faults, values)
}
