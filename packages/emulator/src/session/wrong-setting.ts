import { errorResponse } from '../wire/error-response.ts'
import type { Conversation } from './conversation.ts'
import { consistencyParameter, type ParameterError } from '../settings/forward-parameters.ts'
import type { Plan } from './plan.ts'

/**
 * What is wrong with a text that sets a parameter of Aurora's, before it is sent: the servers themselves would take anything.
 *
 * @param open a transaction block is open when the text begins
 * @returns the ErrorResponse for the client
 */
export function wrongSetting(conversation: Conversation, plan: Plan, open: boolean): Buffer | undefined {
  const { assumptions } = conversation.endpoint
  const { wrongName, wrongValue } = plan
  if (wrongName && assumptions['unknown-forwarding-parameter'] === 'refused') return response(wrongName)
  if (wrongValue) return response(wrongValue)
  if (assumptions['set-consistency-in-transaction'] === 'refused' && setsModeInside(plan, open)) {
    return response({
      sqlstate: '25001',
      message: `parameter "${consistencyParameter}" cannot be set inside a transaction block`,
      hint: 'Set it before BEGIN. Whether Aurora allows it is not published: assumption "set-consistency-in-transaction".',
    })
  }
  return undefined
}

const response = (error: ParameterError): Buffer => errorResponse({ severity: 'ERROR', ...error })

function setsModeInside({ marks }: Plan, open: boolean): boolean {
  let inside = open
  for (const mark of marks) {
    if (mark.type === 'begin') inside = true
    else if (mark.type === 'end') inside = mark.chain
    else if (mark.type === 'setting' && mark.mode !== undefined && inside) return true
  }
  return false
}
