import { parseArgs, type ParseArgsConfig } from 'node:util'
import { EmulatorError } from '../emulator-error.ts'

type Flags = NonNullable<ParseArgsConfig['options']>

/** @throws EmulatorError `EMULATOR_OPTIONS` that names the flag and what is allowed */
export function readFlags<Known extends Flags>(
  args: readonly string[],
  flags: Known,
): ReturnType<typeof parseArgs<{ options: Known }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const said = /'([^']*)'/.exec(message)?.[1] ?? ''
    const allowed = `Allowed: ${Object.keys(flags)
      .map((name) => `--${name}`)
      .join(', ')}.`
    const option = said.replace(/^-., | <value>$/g, '')
    const what =
      code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
        ? `There is no option '${said}'. ${allowed}`
        : code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL'
          ? `'${said}' is not an option. ${allowed}`
          : message.includes('does not take')
            ? `Option '${option}' takes no value.`
            : `Option '${option}' needs a value that does not begin with '-'.`
    throw new EmulatorError('EMULATOR_OPTIONS', what, { cause: error })
  }
}

/** `on-conflict=refuse`, any number of times; of several with one id the last counts. */
export function readChoices(typed: readonly string[]): Record<string, string> {
  const choices: Record<string, string> = {}
  for (const each of typed) {
    const [, id, value] = /^([^=]+)=(.+)$/.exec(each) ?? []
    if (id === undefined || value === undefined) {
      throw new EmulatorError(
        'EMULATOR_OPTIONS',
        `Option '--assume' is '${each}'; allowed: an assumption's id and its value, such as on-conflict=refuse.`,
      )
    }
    choices[id] = value
  }
  return choices
}
