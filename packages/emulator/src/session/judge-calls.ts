import {
  classify,
  judge,
  withFunctions,
  type CatalogFunction,
  type Statement,
} from '@knex-flatten/sql-support'
import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { calledFunctions, firstOfOthers } from '../catalog/called-functions.ts'
import { describeFunctions, routinesNamed } from '../catalog/describe-functions.ts'
import { Shadowing } from '../catalog/shadowing.ts'
import { awaitConsistency, takesSnapshot } from './await-consistency.ts'
import type { Conversation } from './conversation.ts'
import type { Plan } from './plan.ts'

/** Whether the text of a plan may call functions that are not PostgreSQL's own; nearly always told without asking. */
export function mayCallOthers(conversation: Conversation, { calls, callsOthers }: Plan): boolean {
  if (calls.length === 0) return false
  if (callsOthers) return true
  const shadowing = shadowingOf(conversation)
  return shadowing.stale || shadowing.includesAny(calls)
}

function shadowingOf({ endpoint, servers }: Conversation): Shadowing {
  const { shadowing } = endpoint
  let found = shadowing.get(servers.database)
  if (!found) shadowing.set(servers.database, (found = new Shadowing()))
  return found
}

/**
 * The plan of a text, once the database has said which functions it calls. Where it cannot be asked, because a transaction has
 * failed or a batch of extended messages is open, names go on counting for what they seem.
 *
 * @param types the parameter types, as the Parse message carries them.
 * @param alone nothing before the text, in what is to be answered, may change what its names mean.
 */
export async function judgeCalls(
  conversation: Conversation,
  sql: string,
  plan: Plan,
  { types, alone = true }: { types?: Buffer; alone?: boolean } = {},
): Promise<Plan> {
  const { failed, holder, unsynced, endpoint } = conversation
  // To ask means to sync.
  if (failed || unsynced.size > 0) return plan
  try {
    const shadowing = shadowingOf(conversation)
    if (shadowing.stale) await shadowing.refresh(holder)
    if (!plan.callsOthers && !shadowing.includesAny(plan.calls)) return plan
    const statements = classify(sql)
    const judged: Statement[] = []
    const single = alone && statements.length === 1
    for (const statement of statements)
      judged.push(await judgeStatement(conversation, statement, types, single))
    return endpoint.planner.make(sql, judged)
  } catch (error) {
    // Whoever runs the text next finds out the same, and tells the client.
    if (error instanceof BackendLost) return plan
    throw error
  }
}

/**
 * What a fastpath call means, which names its function by number: what a SELECT of that function would. Where nobody can be
 * asked about it, it passes for one of PostgreSQL's own. To ask takes a snapshot, so what it must show is waited for.
 *
 * @throws NotForwarded
 */
export async function judgeFunctionCall(
  conversation: Conversation,
  oid: number,
): Promise<{ sql: string; plan: Plan }> {
  const { failed, holder, prepared, endpoint } = conversation
  // The question would destroy the portal without a name.
  const askable = oid >= firstOfOthers && !failed && !prepared.portals.has('')
  const own = endpoint.planner.plan(ownCall)
  if (takesSnapshot(conversation, own)) await awaitConsistency(conversation, [own])
  const [called] = askable ? await found(conversation, holder, [oid]).catch(unlessLost) : []
  if (!called) return { sql: ownCall, plan: own }
  const sql = `SELECT "${called.name.replaceAll('"', '""')}"()`
  const statements = classify(sql).map((statement) => withFunctions(statement, [called]))
  return { sql, plan: endpoint.planner.make(sql, statements) }
}

const ownCall = 'SELECT version()'

/** Whoever runs the call next finds out the same, and tells the client. */
function unlessLost(error: unknown): [] {
  if (error instanceof BackendLost) return []
  throw error
}

async function judgeStatement(
  conversation: Conversation,
  statement: Statement,
  types: Buffer | undefined,
  single: boolean,
): Promise<Statement> {
  const { holder, endpoint } = conversation
  if (statement.functions.length === 0) return statement
  const called = await calledFunctions(holder, (statement.inner ?? statement).text, types)
  if ('hidden' in called) {
    return withFunctions(
      statement,
      await found(conversation, holder, await routinesNamed(holder, statement.functions)),
    )
  }
  if ('oids' in called) return withFunctions(statement, await found(conversation, holder, called.oids))
  // What the server will not accept it says itself; where another one is to run it, the names have to do.
  const other = withFunctions(statement, [])
  const stays = holder.role === 'primary' || judge(other, endpoint.planner.profile).verdict === 'local'
  return single && stays ? other : statement
}

async function found(
  { endpoint }: Conversation,
  server: Backend,
  oids: readonly number[],
): Promise<CatalogFunction[]> {
  const brought = endpoint.assumptions['extension-functions']
  return (await describeFunctions(server, oids)).map(({ name, extension, handlesExceptions }) => ({
    name,
    userDefined: extension === null || brought === 'user-defined',
    handlesExceptions,
  }))
}
