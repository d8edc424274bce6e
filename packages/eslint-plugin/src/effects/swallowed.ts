import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { lastControlOf } from '../extent/ends.ts'
import { extentsOf } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { typescriptOf } from '../syntax/program-of.ts'
import { insertCatchIn } from '../upsert/insert-catch.ts'
import { isTestedBehind } from './tested-behind.ts'
import { holdsForDatabaseError } from './database-error.ts'
import { alwaysThrows, type Reading } from '../syntax/handler-end.ts'
import { isOpenAround, usesIn, type Use } from './uses.ts'
import { isFunction } from '../syntax/function-node.ts'

/** What is tried, and what is done with its error. */
export interface Handled {
  readonly tried: TSESTree.Node
  /** A block, or an arrow function's expression. */
  readonly handler: TSESTree.Node
  /** The name by which the handler knows the error. */
  readonly error: string | undefined
  /** The `try` statement, or the call of `.catch(…)`. */
  readonly at: TSESTree.Node
}

/** A use of an open transaction whose error a handler swallows: its transaction is over, and the code goes on. */
export function swallowedUse(file: LintedFile, handled: Handled): Use | undefined {
  const { tried, handler, at } = handled
  if (alwaysThrows(readingOf(file, handled, false), handler)) return undefined
  const use = usesIn(file, tried).find((each) => isOpenAround(file, each, tried, at))
  if (use === undefined || isEndedBehind(file, at)) return undefined
  if (insertCatchIn(file, tried, handler) !== undefined) return undefined
  if (isTestedBehind(file, handled) || isToldToCaller(file, handled)) return undefined
  return alwaysThrows(readingOf(file, handled, true), handler) ? undefined : use
}

/** How a handler is read; with `asksTypes` also what never returns by its type ends it. */
export function readingOf(file: LintedFile, { error }: Pick<Handled, 'error'>, asksTypes: boolean): Reading {
  return {
    holds: (test) => holdsForDatabaseError(file, test, error),
    ends: (call) => endsByName(file, call) || (asksTypes && neverReturns(file, call)),
  }
}

/** `trx.rollback()`, `Promise.reject(error)`, `next(error)`, `client.query('ROLLBACK')`, `process.exit()`. */
function endsByName(file: LintedFile, call: TSESTree.CallExpression): boolean {
  const name = file.syntax.calledName(call) ?? ''
  if (/^(?:reject|rollback\w*|roll_back|exit|setRollbackOnly|abort\w*)$|Rollback$/u.test(name)) return true
  if (name === 'next') return call.arguments.length > 0
  return name === 'query' && lastControlOf(file, call) === 'end'
}

function neverReturns({ services }: LintedFile, call: TSESTree.CallExpression): boolean {
  if (services === undefined) return false
  const type = services.getTypeAtLocation(call)
  const { Never } = typescriptOf(services.program).TypeFlags
  const isNever = (flags: number) => (flags & Never) !== 0
  if (isNever(type.flags)) return true
  // `await fail(error)` where `fail` returns Promise<never>
  const checker = services.program.getTypeChecker()
  const awaited = checker.getAwaitedType(type)
  return awaited !== undefined && isNever(awaited.flags)
}

/** `finally { if (!trx.isCompleted()) await trx.rollback() }` */
function isEndedBehind(file: LintedFile, at: TSESTree.Node): boolean {
  const isEnding = (node: TSESTree.Node) =>
    node.type === AST_NODE_TYPES.TryStatement &&
    node.finalizer !== null &&
    /rollback/iu.test(file.source.getText(node.finalizer))
  if (isEnding(at)) return true
  for (const [above] of ancestorsOf(at)) {
    if (isFunction(above)) return false
    if (isEnding(above)) return true
  }
  return false
}

/** A function that was handed the transaction and returns the error: what that comes to is its caller's business. */
function isToldToCaller(file: LintedFile, { handler, error, at }: Handled): boolean {
  const [extent] = extentsOf(file).at(at)
  const around = [...ancestorsOf(at)].map(([above]) => above).find((above) => isFunction(above))
  if (extent?.kind !== 'handed' || extent.root !== around) return false
  const statements = handler.type === AST_NODE_TYPES.BlockStatement ? handler.body : []
  const last = statements.at(-1)
  if (last?.type !== AST_NODE_TYPES.ReturnStatement || last.argument === null) return false
  const words = new Set(file.source.getText(last.argument).match(/[\p{L}_$][\p{L}\d_$]*/gu))
  return (
    (error !== undefined && words.has(error)) ||
    [...words].some((word) => /Err(?:or)?s?$|^err|fail|^reject/u.test(word))
  )
}

/** The function that `.catch(…)` is given, as far as this file shows it. */
export function handlerFunction(
  file: LintedFile,
  given: TSESTree.Node | undefined,
): { handler: TSESTree.Node; error: string | undefined } | undefined {
  const fn = given && file.syntax.functionAt(given)
  if (fn === undefined || !isFunction(fn)) return undefined
  const [parameter] = fn.params
  return {
    handler: fn.body,
    error: parameter?.type === AST_NODE_TYPES.Identifier ? parameter.name : undefined,
  }
}

/** `noop`, `console.error`, `logger.warn`: what surely throws nothing. */
export function isKnownToSwallow(given: TSESTree.Node | undefined): boolean {
  if (given?.type === AST_NODE_TYPES.Identifier) return /^_?noop$/u.test(given.name)
  if (given?.type !== AST_NODE_TYPES.MemberExpression) return false
  const name = ASTUtils.getPropertyName(given) ?? ''
  return /^(?:noop|log|info|warn|error|debug|trace|captureException)$/u.test(name)
}
