import { TransactionOptionsError } from '../errors/errors.ts'
import type { CallSite } from '../transaction/call-site.ts'
import { tellTest } from '../transaction/test-verdicts.ts'
import { ambientTransaction } from './opening.ts'
import { flattenedInstance } from './running-frame.ts'
import { type TestSettings, TestSession } from './test-session.ts'
import { stateOf } from './transaction-state.ts'

/** Lets a test transaction stand in for the pool of an instance. @throws TransactionOptionsError where it cannot */
export async function beginTest(
  db: unknown,
  settings: TestSettings,
  site: CallSite,
  where: string,
): Promise<TestSession> {
  const instance = flattenedInstance(db, where)
  if (instance.testing) {
    throw new TransactionOptionsError(
      `${where}: db is inside the ${tellTest(instance.testing.site)} already. Roll that one back first; tests that run at the same time ` +
        'need an instance each.',
    )
  }
  const around = ambientTransaction(instance)
  if (around) {
    throw new TransactionOptionsError(
      `${where}: db is used inside the ${stateOf(around).frame}, and would run in that. Begin the test transaction outside of it.`,
    )
  }
  const session = new TestSession(instance, settings, site)
  instance.testing = session
  try {
    await session.ready
  } catch (error) {
    instance.testing = undefined
    throw error
  }
  return session
}
