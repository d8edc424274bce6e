import { readFileSync } from 'node:fs'
import { EmulatorError } from '../emulator-error.ts'
import type { ForwardingReaderOptions } from '../options.ts'

/** Where a password may stand that is not to be seen among the system's processes. */
const passwordVariable = 'FORWARDING_READER_PASSWORD'

/** Who may log in. @throws EmulatorError `EMULATOR_OPTIONS` for a user without a password */
export function readLogin(
  user: string | undefined,
  typed: string | undefined,
): ForwardingReaderOptions['auth'] {
  const password = typed ?? (user === undefined ? undefined : process.env[passwordVariable])
  // What was typed would be seen by whoever lists the system's processes.
  if (typed !== undefined) process.title = 'forwarding-reader'
  if (password !== undefined) return { user: user ?? 'postgres', password }
  if (user === undefined) return undefined
  throw new EmulatorError(
    'EMULATOR_OPTIONS',
    `Option '--user' needs a password beside it: in the environment variable ${passwordVariable}, or with '--password'.`,
  )
}

/** @throws EmulatorError `EMULATOR_OPTIONS` for a file that cannot be read, or one without the other */
export function readTls(
  keyFile: string | undefined,
  certFile: string | undefined,
  required: boolean | undefined,
): ForwardingReaderOptions['tls'] {
  if (keyFile === undefined && certFile === undefined && required !== true) return undefined
  if (keyFile === undefined || certFile === undefined) {
    const [given, missing] =
      keyFile !== undefined
        ? ['--tls-key', '--tls-cert']
        : [certFile === undefined ? '--tls-required' : '--tls-cert', '--tls-key']
    throw new EmulatorError('EMULATOR_OPTIONS', `Option '${given}' needs '${missing}' beside it.`)
  }
  return { key: readPem('--tls-key', keyFile), cert: readPem('--tls-cert', certFile), required }
}

function readPem(flag: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `Option '${flag}' is '${file}', which cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      { cause: error },
    )
  }
}
