import type { Knex } from 'knex'
import { RollbackOnlyError, UnexpectedRollbackError } from 'knex-flatten'
import { AppError, fail, insertThrough } from './statements.ts'
import { open } from './opening.ts'
import type { Account, Outcome } from './oracle.ts'
import type { Block, Step } from './program.ts'

/** Runs a program for real, and tells how it came out. */
export async function run(db: Knex, root: Block): Promise<Pick<Account, 'outcome' | 'scopes'>> {
  const scopes: Outcome[] = []
  const outcome = await outcomeOf(open(db, root, (trx) => runBody(trx, root, scopes)))
  return { outcome, scopes }
}

async function runBody(trx: Knex, { form, steps }: Block, scopes: Outcome[]): Promise<void> {
  for (const step of steps) {
    const done = runStep(trx, form, step, scopes)
    await ('swallow' in step && step.swallow ? done.catch(() => 'swallowed') : done)
  }
}

async function runStep(trx: Knex, form: Block['form'], step: Step, scopes: Outcome[]): Promise<void> {
  switch (step.do) {
    case 'insert':
      await insertThrough(trx, form, step.id)
      return
    case 'fail':
      await fail(trx, form, step.how)
      return
    case 'open': {
      const ends = await Promise.allSettled(step.blocks.map((block) => runScope(trx, block, scopes)))
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    }
  }
}

async function runScope(trx: Knex, block: Block, scopes: Outcome[]): Promise<void> {
  const scope = open(trx, block, (inner) => runBody(inner, block, scopes))
  scopes.push(await outcomeOf(scope))
  await scope
}

async function outcomeOf(settling: Promise<unknown>): Promise<Outcome> {
  try {
    await settling
    return 'value'
  } catch (error) {
    return kindOf(error)
  }
}

/** Objection wraps what the database says. */
function kindOf(raised: unknown): Outcome {
  const error = (raised as { nativeError?: unknown }).nativeError ?? raised
  if (error instanceof AppError) return 'application'
  if (error instanceof RollbackOnlyError) return 'rollback-only'
  if (error instanceof UnexpectedRollbackError) return 'unexpected-rollback'
  const { code, message } = error as { code?: unknown; message?: string }
  if (code === '22012' || code === '23505' || code === '23503' || code === '25P02') return code
  if (/connection error and is not queryable|Connection terminated/.test(message ?? '')) return 'lost'
  throw error
}
