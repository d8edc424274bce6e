import type { Backend, Role } from '../backend/backend.ts'
import { injectMessages } from '../backend/inject.ts'
import {
  hiddenBind,
  hiddenClose,
  hiddenExecute,
  hiddenParse,
  hiddenSync,
  type Reply,
} from '../backend/reply.ts'
import { closeStatementMessage, runAside, syncMessage } from '../wire/build.ts'
import type { Plan } from './plan.ts'

/** A statement that the client named (or left unnamed: ''), whichever server holds it. */
export interface PreparedStatement {
  readonly name: string
  readonly sql: string
  /** As its text says, until its database has said which functions it calls. */
  plan: Plan
  /** The Parse message that makes a server know it; `undefined` for one made by SQL's PREPARE, which `sql` is. */
  parseFor: ((role: Role) => Buffer) | undefined
  /** The tail of the Parse: parameter types. */
  readonly types: Buffer
}

/** A bound statement; it lives on one server, and its rows can only be fetched there. */
export interface Portal {
  readonly statement: PreparedStatement | undefined
  readonly backend: Backend
  /** Formats and values of the Bind. */
  readonly values: Buffer
}

/** The session's prepared statements and portals, as one server would see them. */
export class Prepared {
  readonly portals = new Map<string, Portal>()
  #statements = new Map<string, PreparedStatement>()

  statement(name: string): PreparedStatement | undefined {
    return this.#statements.get(name)
  }

  add(statement: PreparedStatement, on: Backend): void {
    this.#statements.set(statement.name, statement)
    on.known.set(statement.name, statement)
  }

  remove(name: string, on: Backend): void {
    this.#statements.delete(name)
    on.known.delete(name)
  }

  /** A Parse destroys the statement without a name before it looks at its text. */
  parseFailed(name: string, on: Backend): void {
    if (name === '') this.remove(name, on)
  }

  /** DEALLOCATE ALL: what has no name is not among it. */
  forgetNamed(): void {
    for (const name of this.#statements.keys()) if (name !== '') this.#statements.delete(name)
  }

  /** A simple query destroys the statement without a name, and once it is parsed the portal without a name. */
  dropUnnamed({ parses }: Plan): void {
    this.#statements.delete('')
    if (parses) this.portals.delete('')
  }

  /**
   * Messages that make `server` hold the statement, if it does not: a Parse, or the PREPARE that it was made by, after a Close
   * of what had that name before.
   */
  teach(server: Backend, statement: PreparedStatement): { messages: Buffer[]; replies: Reply[] } | undefined {
    const { name, parseFor, sql } = statement
    if (server.known.get(name) === statement) return undefined
    const onDone = () => void server.known.set(name, statement)
    const [messages, replies]: [Buffer[], Reply[]] =
      name !== '' && server.known.has(name) ? [[closeStatementMessage(name)], [hiddenClose]] : [[], []]
    if (parseFor) {
      messages.push(parseFor(server.role))
      replies.push({ kind: 'parse', hidden: true, onDone })
    } else {
      messages.push(runAside(sql))
      replies.push(
        hiddenClose,
        hiddenParse,
        hiddenBind,
        { ...hiddenExecute, onDone },
        hiddenClose,
        hiddenClose,
      )
    }
    return { messages, replies }
  }

  /**
   * As {@link teach}, at once; between units, since it syncs.
   * @returns the server's error, if it would not have it.
   */
  async teachNow(server: Backend, statement: PreparedStatement): Promise<Buffer | undefined> {
    const lesson = this.teach(server, statement)
    if (!lesson) return undefined
    const bytes = Buffer.concat([...lesson.messages, syncMessage])
    return (await injectMessages(server, bytes, [...lesson.replies, hiddenSync])).error
  }

  /** Makes a server drop a name that the client has dropped while another server listened; at once, as {@link teachNow}. */
  async closeNow(server: Backend, name: string): Promise<Buffer | undefined> {
    if (!server.known.delete(name)) return undefined
    const bytes = Buffer.concat([closeStatementMessage(name), syncMessage])
    return (await injectMessages(server, bytes, [hiddenClose, hiddenSync])).error
  }
}
