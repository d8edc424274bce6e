import type { Backend, Role } from '../backend/backend.ts'
import type { ReplyKind } from '../backend/reply.ts'
import { parseMessage } from '../wire/build.ts'
import type { Message } from '../wire/frontend-framer.ts'
import { bindFields, executeFields, parseFields, targetFields } from '../wire/message-fields.ts'
import { frontend } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import type { Mark } from './plan.ts'
import type { PreparedStatement } from './prepared.ts'
import { serverText } from './standby-text.ts'

/** One extended message, and what it refers to. */
export interface Step {
  readonly kind: Exclude<ReplyKind, 'sync' | 'query'>
  readonly message: Buffer
  /** The name it gives or takes away. */
  readonly name: string
  readonly of: 'statement' | 'portal'
  readonly statement: PreparedStatement | undefined
  /** The name by which it refers to a statement of the server's. */
  readonly uses?: string
  /** Formats and values, of a Bind or of the Bind behind an Execute. */
  readonly values: Buffer | undefined
  /** A portal that was opened before this unit can only be reached where it lives. */
  readonly boundTo: Backend | undefined
  /** A Parse of a name that another statement has: the server is to refuse it. */
  readonly taken?: PreparedStatement | undefined
  /** A Bind to a named portal that is open already, here. */
  readonly openOn?: Backend | undefined
  /** An Execute with a row limit: a portal fetched in parts. */
  readonly inParts?: boolean
}

/** Reads a unit's messages with the names that the session, and the messages before them, have given. */
export function readSteps(conversation: Conversation, messages: readonly Message[]): Step[] {
  const { prepared } = conversation
  const statements = new Map<string, PreparedStatement | undefined>()
  const portals = new Map<string, Step | undefined>()
  let cleared = false
  const statementOf = (name: string) =>
    statements.has(name) || (cleared && name !== '') ? statements.get(name) : prepared.statement(name)
  /** SQL's own ways to take a name away. */
  const deallocate = (mark: Mark) => {
    if (mark.type === 'deallocate' && mark.name !== undefined) statements.set(mark.name, undefined)
    else if (mark.type === 'deallocate' || mark.type === 'discard-all') {
      // As PostgreSQL: what has no name is not among all.
      for (const name of statements.keys()) if (name !== '') statements.delete(name)
      cleared = true
    }
  }

  const onPortal = (kind: Step['kind'], message: Buffer, name: string): Step => {
    const own = portals.get(name)
    const earlier = portals.has(name) ? undefined : prepared.portals.get(name)
    if (kind === 'close') portals.set(name, undefined)
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
        const taken = statement.name === '' ? undefined : statementOf(statement.name)
        statements.set(statement.name, statement)
        return {
          kind: 'parse',
          message: bytes,
          name: statement.name,
          of: 'statement',
          statement,
          uses: statement.name,
          taken,
          ...free,
        }
      }
      case frontend.bind: {
        const { portal, statement: from, valuesAt } = bindFields(bytes)
        const earlier = portal === '' || portals.has(portal) ? undefined : prepared.portals.get(portal)
        const step: Step = {
          kind: 'bind',
          message: bytes,
          name: portal,
          of: 'portal',
          statement: statementOf(from),
          uses: from,
          values: bytes.subarray(valuesAt),
          boundTo: undefined,
          openOn: earlier?.backend,
        }
        portals.set(portal, step)
        return step
      }
      case frontend.execute: {
        const { portal, maxRows } = executeFields(bytes)
        const step = { ...onPortal('execute', bytes, portal), inParts: maxRows > 0 }
        step.statement?.plan.marks.forEach(deallocate)
        return step
      }
      default: {
        const kind = type === frontend.describe ? 'describe' : 'close'
        const { of, name } = targetFields(bytes)
        if (of === 'portal') return onPortal(kind, bytes, name)
        const statement = statementOf(name)
        if (kind === 'close') statements.set(name, undefined)
        return {
          kind,
          message: bytes,
          name,
          of,
          statement,
          ...(kind === 'describe' && { uses: name }),
          ...free,
        }
      }
    }
  })
}

const free = { values: undefined, boundTo: undefined }

/** The statement that a Parse makes. */
export function newStatement(conversation: Conversation, message: Buffer): PreparedStatement {
  const { name, sql, typesAt } = parseFields(message)
  const plan = conversation.endpoint.planner.plan(sql)
  // What lasts must not keep the whole chunk that it came in.
  const lasting = name === '' ? message : Buffer.from(message)
  const types = lasting.subarray(typesAt)
  const parseFor = (role: Role) => {
    const text = serverText(sql, plan, role, conversation.forwarding)
    return text === sql ? lasting : parseMessage(name, text, types)
  }
  return { name, sql, plan, parseFor, types }
}
