import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How many entities the service has; each comes to four files. */
const ENTITIES = 75

const names = Array.from({ length: ENTITIES }, (_, index) => `Entity${index}`)
const camel = (name: string) => name.charAt(0).toLowerCase() + name.slice(1)

/** Writes a service of some 300 files as real ones are: types, repositories, services that call one another, and routes. */
export async function writeService(folder: string): Promise<void> {
  const files = new Map<string, string>([
    ['database.ts', database],
    ['errors.ts', errors],
  ])
  for (const [index, name] of names.entries()) {
    const others = [names[(index + 1) % ENTITIES]!, names[(index * 7 + 3) % ENTITIES]!]
    files.set(`types/${camel(name)}.ts`, typesOf(name))
    files.set(`repositories/${camel(name)}.ts`, repositoryOf(name))
    files.set(
      `services/${camel(name)}.ts`,
      serviceOf(
        name,
        [...new Set(others)].filter((other) => other !== name),
        index % 10 === 0,
      ),
    )
    files.set(`routes/${camel(name)}.ts`, routesOf(name))
  }
  for (const room of ['types', 'repositories', 'services', 'routes']) {
    await mkdir(join(folder, 'src', room), { recursive: true })
  }
  for (const [path, text] of files) await writeFile(join(folder, 'src', path), text)
  const compilerOptions = {
    ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', types: ['node'] },
    ...{ strict: true, skipLibCheck: true, noEmit: true, allowImportingTsExtensions: true },
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
}

const database = `import createKnex, { type Knex } from 'knex'

export const knex: Knex = createKnex({ client: 'pg', connection: process.env['DATABASE_URL'] ?? '' })
export type Executor = Knex | Knex.Transaction

export async function inTransaction<T>(work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return knex.transaction(work)
}
`

const errors = `export class NotFound extends Error {
  constructor(readonly entity: string, readonly id: string) {
    super(\`\${entity} \${id} was not found\`)
  }
}

export class Conflict extends Error {
  constructor(readonly entity: string, options?: ErrorOptions) {
    super(\`\${entity} has changed meanwhile\`, options)
  }
}
`

function typesOf(name: string): string {
  return `export interface ${name} {
  id: string
  ownerId: string
  label: string
  amount: number
  state: 'open' | 'held' | 'done'
  tags: readonly string[]
  createdAt: Date
}

export interface New${name} extends Omit<${name}, 'id' | 'createdAt' | 'state'> {
  state?: ${name}['state']
}

export interface ${name}Page {
  readonly rows: readonly ${name}[]
  readonly next: string | undefined
}

export function is${name}(value: unknown): value is ${name} {
  if (typeof value !== 'object' || value === null) return false
  const { id, label, amount } = value as Partial<${name}>
  return typeof id === 'string' && typeof label === 'string' && typeof amount === 'number'
}

export function describe${name}(row: ${name}): string {
  const tags = row.tags.length === 0 ? 'no tags' : row.tags.map((tag) => tag.trim().toLowerCase()).join(', ')
  return \`\${row.label} (\${row.amount.toFixed(2)}, \${row.state}, \${tags})\`
}
`
}

function repositoryOf(name: string): string {
  const table = `${camel(name)}s`
  return `import type { Knex } from 'knex'
import type { New${name}, ${name}, ${name}Page } from '../types/${camel(name)}.ts'
import { NotFound } from '../errors.ts'
import type { Executor } from '../database.ts'

export class ${name}Repository {
  private readonly db: Knex

  constructor(db: Knex) {
    this.db = db
  }

  async find(id: string, on: Executor = this.db): Promise<${name} | undefined> {
    return on<${name}>('${table}').where({ id }).first()
  }

  async get(id: string, on: Executor = this.db): Promise<${name}> {
    const row = await this.find(id, on)
    if (row === undefined) throw new NotFound('${name}', id)
    return row
  }

  async page(ownerId: string, after: string | undefined, size = 50): Promise<${name}Page> {
    const query = this.db<${name}>('${table}').where({ ownerId }).orderBy('id').limit(size + 1)
    if (after !== undefined) void query.andWhere('id', '>', after)
    const rows = await query
    const page = rows.slice(0, size)
    return { rows: page, next: rows.length > size ? page.at(-1)?.id : undefined }
  }

  async total(ownerId: string): Promise<number> {
    const { rows } = await this.db.raw<{ rows: { total: string }[] }>(
      'SELECT coalesce(sum(amount), 0) AS total FROM ${table} WHERE "ownerId" = ? AND state <> ?',
      [ownerId, 'done'],
    )
    return Number(rows[0]?.total ?? 0)
  }

  async insert(trx: Knex.Transaction, row: New${name}): Promise<${name}> {
    const [stored] = await trx<${name}>('${table}').insert({ ...row, state: row.state ?? 'open' }).returning('*')
    return stored!
  }

  async change(trx: Knex.Transaction, id: string, changes: Partial<${name}>): Promise<void> {
    const count = await trx('${table}').where({ id }).update({ ...changes, changedAt: trx.fn.now() })
    if (count === 0) throw new NotFound('${name}', id)
  }

  async remove(trx: Knex.Transaction, ids: readonly string[]): Promise<number> {
    return trx('${table}').whereIn('id', [...ids]).del()
  }
}
`
}

/** One service in ten hands its transaction to a function of another file that opens one: what the rules are there to find. */
function serviceOf(name: string, others: readonly string[], nests: boolean): string {
  const imports = others
    .map(
      (other) =>
        `import { audit${other}${other === others[0] ? `, move${other}` : ''} } from './${camel(other)}.ts'`,
    )
    .join('\n')
  const calls = others.map((other) => `    await audit${other}(trx, row.ownerId, row.amount)`).join('\n')
  return `import type { Knex } from 'knex'
import { inTransaction, knex } from '../database.ts'
import { Conflict } from '../errors.ts'
import { ${name}Repository } from '../repositories/${camel(name)}.ts'
import { describe${name}, type New${name}, type ${name} } from '../types/${camel(name)}.ts'
${imports}

const repository = new ${name}Repository(knex)

export async function create${name}(row: New${name}): Promise<${name}> {
  return inTransaction(async (trx) => {
    const stored = await repository.insert(trx, row)
${calls}
    return stored
  })
}

export async function audit${name}(db: Knex, ownerId: string, amount: number): Promise<void> {
  const limits = await db('limits').where({ ownerId, kind: '${name}' }).first()
  if (limits === undefined || amount <= Number(limits.amount)) return
  await db('audits').insert({ ownerId, amount, kind: '${name}', text: \`\${amount} is over the limit\` })
}

export async function move${name}(db: Knex, ids: readonly string[], ownerId: string): Promise<void> {
  await db.transaction(async (trx) => {
    for (const id of ids) await repository.change(trx, id, { ownerId })
  })
}

export async function handOver${name}(ids: readonly string[], ownerId: string): Promise<void> {
  ${nests ? `await inTransaction(async (trx) => move${others[0]!}(trx, ids, ownerId))` : `await move${others[0]!}(knex, ids, ownerId)`}
}

export async function settle${name}(id: string, amounts: readonly number[]): Promise<string> {
  const sum = amounts.filter((amount) => Number.isFinite(amount)).reduce((total, amount) => total + amount, 0)
  const trx = await knex.transaction()
  try {
    const row = await repository.get(id, trx)
    if (row.state === 'done') throw new Conflict('${name}')
    const state = sum >= row.amount ? 'done' : 'held'
    await repository.change(trx, id, { state, amount: row.amount - sum })
    await trx.commit()
    return describe${name}({ ...row, state })
  } catch (error) {
    await trx.rollback(error)
    throw error
  }
}

export async function cleanUp${name}(ids: readonly string[]): Promise<{ removed: number; kept: readonly string[] }> {
  const kept: string[] = []
  const old: string[] = []
  for (const id of ids) {
    const row = await repository.find(id)
    if (row !== undefined && row.createdAt.getTime() < Date.now() - 86_400_000) old.push(id)
    else kept.push(id)
  }
  if (old.length === 0) return { removed: 0, kept }
  return { removed: await knex.transaction((trx) => repository.remove(trx, old)), kept }
}
`
}

function routesOf(name: string): string {
  const path = `/${camel(name)}s`
  return `import { ${name}Repository } from '../repositories/${camel(name)}.ts'
import { knex } from '../database.ts'
import { NotFound } from '../errors.ts'
import { cleanUp${name}, create${name}, settle${name} } from '../services/${camel(name)}.ts'
import { is${name} } from '../types/${camel(name)}.ts'

interface Request {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: unknown
}

interface Reply {
  readonly status: number
  readonly body?: unknown
}

type Handler = (request: Request) => Promise<Reply>

const repository = new ${name}Repository(knex)

function answering(handler: Handler): Handler {
  return async (request) => {
    try {
      return await handler(request)
    } catch (error) {
      if (error instanceof NotFound) return { status: 404, body: { error: error.message } }
      throw error
    }
  }
}

export const routes: Readonly<Record<string, Handler>> = {
  'GET ${path}': answering(async ({ query }) => {
    const owner = query.get('owner') ?? ''
    if (owner === '') return { status: 400, body: { error: 'owner is missing' } }
    const [page, total] = await Promise.all([
      repository.page(owner, query.get('after') ?? undefined),
      repository.total(owner),
    ])
    return { status: 200, body: { ...page, total } }
  }),
  'POST ${path}': answering(async ({ body }) => {
    if (!is${name}(body)) return { status: 422, body: { error: 'that is no ${name}' } }
    return { status: 201, body: await create${name}(body) }
  }),
  'POST ${path}/:id/settle': answering(async ({ params, body }) => {
    const amounts = Array.isArray(body) ? body.map(Number) : []
    return { status: 200, body: await settle${name}(params['id']!, amounts) }
  }),
  'DELETE ${path}': answering(async ({ query }) => {
    return { status: 200, body: await cleanUp${name}(query.getAll('id')) }
  }),
}
`
}
