import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { errorResponse } from '../wire/error-response.ts'
import { status } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import { failingText } from './refusal.ts'
import { readParameters, type BadParameter } from '../settings/session-parameters.ts'

/**
 * Reads back what a unit may have changed of that which the emulator goes by, before the client is told that the unit is done.
 *
 * A value that no text showed (of set_config with what was bound or computed) may turn out wrong only now: then the client is
 * told as late as with a deferred constraint, and the unit has failed.
 */
export async function refreshParameters(conversation: Conversation, server: Backend): Promise<void> {
  const { transaction } = conversation
  const over = server.status === status.idle && transaction?.tracked === true
  if (!conversation.parametersStale && !over) return
  if (server.lost || server.status === status.failed) return
  const { bad, ...parameters } = await readParameters(server, conversation.endpoint.forwardDefaults)
  conversation.parametersStale = false
  if (over) transaction.tracked = false
  if (bad) await refuse(conversation, server, bad)
  else conversation.parameters = { ...parameters, serverStart: conversation.parameters.serverStart }
}

async function refuse(conversation: Conversation, server: Backend, bad: BadParameter): Promise<void> {
  const { outbox, sink } = conversation
  if (!sink.failed) outbox.push(errorResponse({ severity: 'ERROR', ...bad.error }))
  sink.failed = true
  if (server.status === status.open) {
    await inject(server, failingText)
    conversation.status = server.status
    conversation.parametersStale = true
    return
  }
  await inject(server, `SET ${bad.name} = '${conversation.parameters.shown.get(bad.name) ?? ''}'`)
}
