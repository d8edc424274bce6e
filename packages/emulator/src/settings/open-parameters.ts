import type { Backend } from '../backend/backend.ts'
import { LoginRefused } from '../auth/login-refused.ts'
import type { ServerPair } from '../servers.ts'
import { forwardParameters } from './forward-parameters.ts'
import type { ForwardSettings } from './forward-settings.ts'
import { readParameters, type SessionParameters } from './session-parameters.ts'

/**
 * The client's startup parameters, and before them the defaults of Aurora's own, so that the servers can show them: the client's
 * `options` come later and count. Servers that have them in their own configuration need no telling, and there ALTER ROLE … SET
 * and ALTER DATABASE … SET count as well.
 */
export function withForwardDefaults(
  parameters: ReadonlyMap<string, string>,
  { consistency }: ForwardSettings,
  { configuredConsistency }: ServerPair,
): ReadonlyMap<string, string> {
  if (configuredConsistency === consistency) return parameters
  const told = forwardParameters.map(
    ({ name, defaultValue, type }) => `-c ${name}=${type.kind === 'enum' ? consistency : defaultValue}`,
  )
  const own = parameters.get('options')
  return new Map([...parameters, ['options', [...told, ...(own === undefined ? [] : [own])].join(' ')]])
}

/**
 * What a session begins with.
 *
 * @throws BackendLost
 * @throws LoginRefused if the client asked for a value that Aurora does not take
 */
export async function openingParameters(
  standby: Backend,
  parameters: ReadonlyMap<string, string>,
  defaults: ForwardSettings,
): Promise<SessionParameters> {
  const { bad, ...session } = await readParameters(standby, defaults)
  // What ALTER ROLE … SET left there is passed over, as PostgreSQL does.
  if (bad && [...parameters].flat().some((text) => text.includes(bad.name))) {
    standby.end()
    throw new LoginRefused(bad.error.sqlstate, bad.error.message, bad.error.detail, bad.error.hint)
  }
  return session
}
