import { foreignConnection } from '../transaction/verdicts.ts'
import type { Instance } from './instance.ts'
import type { Builder, KnexClient, Runner } from './internals.ts'
import { warn } from './log.ts'
import { ambientTransaction } from './opening.ts'
import { refuseBesideRoot } from './test-refusals.ts'
import { stateOf } from './transaction-state.ts'

/** What runs a query: inside a transaction of the same instance, where it is made on the instance itself, by policy. */
export function ambientRunner(
  instance: Instance,
  client: KnexClient,
  builder: Builder,
  make: () => Runner,
): Runner {
  const { ambient } = instance.settings
  if ((!ambient && !instance.testing) || client.transacting || builder._connection) return make()
  const beside = (): Runner => {
    const refusal = refuseBesideRoot(instance, () => sqlOf(builder))
    return refuse(make(), refusal)
  }
  const around = ambientTransaction(instance)
  if (!around) return beside()
  const { frame } = stateOf(around)
  const { abandoned } = frame.root
  if (ambient === 'join' && !abandoned) return around.trxClient.runner(builder)
  const error = abandoned ?? foreignConnection(frame, sqlOf(builder))
  if (ambient !== 'warn' || abandoned) return refuse(make(), error)
  warn(client, error.message)
  return beside()
}

/** Knex's own runner, so that a stream is told as well. */
function refuse(runner: Runner, error: Error | undefined): Runner {
  if (error) runner.ensureConnection = () => Promise.reject(error)
  return runner
}

function sqlOf(builder: Builder): string | undefined {
  try {
    return [builder.toSQL()]
      .flat()
      .map(({ sql }) => sql)
      .join('; ')
  } catch {
    // It cannot be compiled, which whoever runs it will hear.
    return undefined
  }
}
