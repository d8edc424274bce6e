import { EmulatorError } from '../emulator-error.ts'

/** Reads `80ms`, `1s`, `1.5s` or `80` as milliseconds. @throws EmulatorError `EMULATOR_OPTIONS` for anything else */
export function parseDuration(option: string, typed: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s)?$/.exec(typed.trim())
  if (match === null) {
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `Option '${option}' is '${typed}'; allowed: a time such as 80ms, 1.5s, or 80 (milliseconds).`,
    )
  }
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1)
}
