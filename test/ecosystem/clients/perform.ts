import { expect } from 'vitest'
import type { Client, Talk } from './client.ts'
import type { Operation } from './scenario.ts'

/** What an operation is to come to, in the shape of what {@link perform} sees. */
export function expected(operation: Operation): unknown {
  if ('fails' in operation) {
    const { code, message } = operation.fails
    return { code, message: expect.stringContaining(message) }
  }
  switch (operation.does) {
    case 'insert':
      return 'inserted'
    case 'find':
    case 'rows':
      return operation.gives
    case 'transaction':
      return {
        seen: operation.operations.map(expected),
        end: operation.operations.some((each) => 'fails' in each) ? 'rolled back' : 'committed',
      }
    case 'sessions':
      return operation.each.map((operations) => operations.map(expected))
  }
}

/** Has a client carry out an operation. Never rejects for what the server says. */
export async function perform(
  client: Client,
  operation: Operation,
  open: () => Promise<Client>,
): Promise<unknown> {
  if (operation.does === 'sessions') {
    const { each } = operation
    const others = await Promise.all(each.map(open))
    const seen = await Promise.all(
      others.map(async (other, n) => {
        const own: unknown[] = []
        for (const operation of each[n]!) own.push(await perform(other, operation, open))
        return own
      }),
    )
    await Promise.all(others.map((other) => other.close()))
    return seen
  }
  if (operation.does !== 'transaction') return statement(client, operation).catch(failure)
  const seen: unknown[] = []
  const end = client.transaction(async (inside) => {
    for (const each of operation.operations) {
      await statement(inside, each).then(
        (result) => seen.push(result),
        (error: unknown) => {
          seen.push(failure(error))
          throw error
        },
      )
    }
  })
  return end.then(
    () => ({ seen, end: 'committed' }),
    () => ({ seen, end: 'rolled back' }),
  )
}

async function statement(talk: Talk, operation: Operation): Promise<unknown> {
  if (operation.does === 'insert') return (await talk.insert(operation.item), 'inserted')
  if (operation.does === 'find') return talk.find(operation.id)
  if (operation.does === 'rows') return talk.rows(operation.sql)
  throw new Error(`the scenario has ${operation.does} within a transaction`)
}

interface Wrapped {
  readonly code?: string
  readonly message: string
  readonly nativeError?: { readonly code?: string }
  readonly driverError?: { readonly code?: string }
}

/** Some wrap the driver's error. */
function failure(error: unknown): { code: string | undefined; message: string } {
  const { code, message, nativeError, driverError } = error as Wrapped
  return { code: code ?? nativeError?.code ?? driverError?.code, message }
}
