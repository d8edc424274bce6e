import type { Knex } from 'knex'
import { RollbackOnlyError, ScopeStillOpenError, UnexpectedRollbackError } from 'knex-flatten'
import type { Outcome } from './model.ts'
import type { Block, Step } from './program.ts'

class AppError extends Error {}
class SoftError extends Error {}

export const doomOn = (error: unknown): boolean => !(error instanceof SoftError)

export interface Observation {
  readonly outcome: Outcome
  readonly scopes: readonly Outcome[]
  /** Whatever the program was told on its way, in order: by statements, scopes, `commit()`, and that a callback ran. */
  readonly told: readonly string[]
}

/** Runs a program for real. */
export async function run(db: Knex, root: Block): Promise<Observation> {
  const interpreter = new Interpreter()
  const outcome = await interpreter.root(db, root)
  await interpreter.endStrays()
  return { outcome, scopes: interpreter.scopes, told: interpreter.told }
}

class Interpreter {
  readonly scopes: Outcome[] = []
  readonly told: string[] = []
  readonly #strays: Promise<unknown>[] = []
  #endStrays!: () => void
  readonly #rootEnded = new Promise<void>((resolve) => (this.#endStrays = resolve))
  #nextId = 1

  root(db: Knex, block: Block): Promise<Outcome> {
    return outcomeOf(
      block.form === 'promise' ? this.#byHand(db, block) : db.transaction((trx) => this.#all(trx, block)),
    )
  }

  /** A callback's whole life: the body, then the end it was given. */
  async #all(trx: Knex.Transaction, block: Block): Promise<string> {
    this.told.push('callback')
    await this.#body(trx, block)
    throwAtEnd(block)
    if (block.end === 'rollback') await trx.rollback()
    if (block.end === 'rollback-with-error') await trx.rollback(new AppError('rolled back'))
    return 'value'
  }

  /** The same without a callback: the transaction is ended by its own methods, and its promise tells how. */
  async #byHand(around: Knex, block: Block): Promise<unknown> {
    const trx = await this.#hear('opened', around.transaction())
    try {
      await this.#body(trx, block)
      throwAtEnd(block)
    } catch (error) {
      await trx.rollback(error)
      return trx.executionPromise
    }
    if (block.end === 'success') await this.#hear('commit', Promise.resolve(trx.commit('value')))
    else await trx.rollback(block.end === 'rollback' ? undefined : new AppError('rolled back'))
    return trx.executionPromise
  }

  async #body(trx: Knex.Transaction, block: Block): Promise<void> {
    for (const step of block.steps) {
      if ('swallow' in step && step.swallow) await this.#step(trx, step).catch(() => 'swallowed')
      else await this.#step(trx, step)
    }
    if (block.stray) await this.#openStray(trx)
  }

  /** Resolves once the stray is running, or has been refused. */
  #openStray(trx: Knex.Transaction): Promise<void> {
    return new Promise((opened) => {
      const stray = trx.transaction(async () => {
        this.told.push('callback')
        opened()
        await this.#rootEnded
      })
      this.#strays.push(stray.catch(() => undefined).finally(opened))
    })
  }

  async endStrays(): Promise<void> {
    this.#endStrays()
    await Promise.all(this.#strays)
  }

  async #step(trx: Knex.Transaction, step: Step): Promise<void> {
    switch (step.do) {
      case 'insert':
        await this.#hear('insert', trx('items').insert({ id: this.#nextId++ }))
        return
      case 'sql-error':
        await this.#hear('sql-error', trx.raw('select 1 / 0'))
        return
      case 'throw':
        throw step.soft ? new SoftError('in the middle') : new AppError('in the middle')
      case 'scope':
        await this.#scope(trx, step.block)
        return
      case 'siblings': {
        const [first, second] = await Promise.allSettled(step.blocks.map((block) => this.#scope(trx, block)))
        if (first?.status === 'rejected') throw first.reason
        if (second?.status === 'rejected') throw second.reason
      }
    }
  }

  async #scope(trx: Knex.Transaction, block: Block): Promise<void> {
    const scope =
      block.form === 'promise'
        ? this.#byHand(trx, block)
        : trx[block.form === 'savepoint' ? 'savepoint' : 'transaction']((inner) => this.#all(inner, block))
    const outcome = await outcomeOf(scope)
    this.scopes.push(outcome)
    this.told.push(`scope: ${outcome}`)
    await scope
  }

  async #hear<Value>(what: string, answer: PromiseLike<Value>): Promise<Value> {
    try {
      return await answer
    } catch (error) {
      this.told.push(`${what}: ${outcomeOfError(error)}`)
      throw error
    }
  }
}

function throwAtEnd({ end }: Block): void {
  if (end === 'throw') throw new AppError('at the end')
  if (end === 'throw-soft') throw new SoftError('at the end')
}

async function outcomeOf(settling: Promise<unknown>): Promise<Outcome> {
  try {
    const value = await settling
    return value === 'value' ? 'value' : 'nothing'
  } catch (error) {
    return outcomeOfError(error)
  }
}

function outcomeOfError(error: unknown): Outcome {
  if (error instanceof AppError) return 'app-error'
  if (error instanceof SoftError) return 'soft-error'
  if (error instanceof ScopeStillOpenError) return 'scope-open'
  if (error instanceof RollbackOnlyError) return 'rollback-only'
  if (error instanceof UnexpectedRollbackError) return 'unexpected-rollback'
  const { code, message } = error as { code?: unknown; message?: string }
  if (code === '22012') return 'sql-error'
  if (code === '25P02' || /already complete/.test(message ?? '')) return 'aborted'
  throw error
}
