import type { Backend, Role } from '../backend/backend.ts'
import type { ReplyKind } from '../backend/reply.ts'
import { parseMessage } from '../wire/build.ts'
import type { Message } from '../wire/frontend-framer.ts'
import { bindFields, executeFields, parseFields, targetFields } from '../wire/message-fields.ts'
import { frontend } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import type { PreparedStatement } from './prepared.ts'
import { readOnlyText } from './standby-text.ts'

/** One extended message, and what it refers to. */
export interface Step {
  readonly kind: Exclude<ReplyKind, 'sync' | 'query'>
  readonly message: Buffer
  /** The name it gives or takes away. */
  readonly name: string
  readonly of: 'statement' | 'portal'
  readonly statement: PreparedStatement | undefined
  /** Formats and values, of a Bind or of the Bind behind an Execute. */
  readonly values: Buffer | undefined
  /** A portal that was opened before this unit can only be reached where it lives. */
  readonly boundTo: Backend | undefined
  /** An Execute with a row limit: a portal fetched in parts. */
  readonly inParts?: boolean
}

/** Reads a unit's messages with the names that the session, and the messages before them, have given. */
export function readSteps(conversation: Conversation, messages: readonly Message[]): Step[] {
  const { prepared } = conversation
  const statements = new Map<string, PreparedStatement>()
  const portals = new Map<string, Step>()
  const statementOf = (name: string) => statements.get(name) ?? prepared.statement(name)

  const onPortal = (kind: Step['kind'], message: Buffer, name: string): Step => {
    const own = portals.get(name)
    const earlier = own ? undefined : prepared.portals.get(name)
    return {
      kind,
      message,
      name,
      of: 'portal',
      statement: own?.statement ?? earlier?.statement,
      values: own?.values ?? earlier?.values,
      boundTo: earlier?.backend,
    }
  }

  return messages.map(({ type, bytes }): Step => {
    switch (type) {
      case frontend.parse: {
        const statement = newStatement(conversation, bytes)
        statements.set(statement.name, statement)
        return { kind: 'parse', message: bytes, name: statement.name, of: 'statement', statement, ...free }
      }
      case frontend.bind: {
        const { portal, statement: name, valuesAt } = bindFields(bytes)
        const statement = statementOf(name)
        const values = bytes.subarray(valuesAt)
        const step: Step = {
          kind: 'bind',
          message: bytes,
          name: portal,
          of: 'portal',
          statement,
          values,
          boundTo: undefined,
        }
        portals.set(portal, step)
        return step
      }
      case frontend.execute: {
        const { portal, maxRows } = executeFields(bytes)
        return { ...onPortal('execute', bytes, portal), inParts: maxRows > 0 }
      }
      default: {
        const kind = type === frontend.describe ? 'describe' : 'close'
        const { of, name } = targetFields(bytes)
        if (of === 'portal') return onPortal(kind, bytes, name)
        return { kind, message: bytes, name, of, statement: statementOf(name), ...free }
      }
    }
  })
}

const free = { values: undefined, boundTo: undefined }

function newStatement(conversation: Conversation, message: Buffer): PreparedStatement {
  const { name, sql, typesAt } = parseFields(message)
  const plan = conversation.endpoint.planner.plan(sql)
  // What lasts must not keep the whole chunk that it came in.
  const lasting = name === '' ? message : Buffer.from(message)
  const types = lasting.subarray(typesAt)
  const parseFor = (role: Role) =>
    role === 'standby' && plan.readWrite.length > 0
      ? parseMessage(name, readOnlyText(sql, plan.readWrite), types)
      : lasting
  return { name, sql, plan, parseFor, types }
}
