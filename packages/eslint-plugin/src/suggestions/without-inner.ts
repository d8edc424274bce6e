import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { batchInOuter } from './batch-in-outer.ts'
import { useOuterTransaction } from './outer-transaction.ts'
import { useOuterForPromise } from './promise-form.ts'

/**
 * Two of each: those without a condition keep rows and outcome as they are in every case, which is what the codemod goes by; the
 * others hang on what a function out of sight does.
 */
export const outerMessages = {
  useOuter: 'Drop the inner transaction and use `{{outer}}`: its error ends that one, as it does now.',
  useOuterUncaught:
    'Drop the inner transaction and use `{{outer}}`: right where no caller goes on with it after an error.',
} as const

export const transactingMessages = {
  runInTransaction: 'Run the batch in the transaction itself: `.transacting({{outer}})`.',
  runInTransactionUncaught:
    'Run the batch in the transaction itself, `.transacting({{outer}})`: right where no caller goes on with it after an error.',
} as const

/** To do without the transaction that `call` opens on `on`. */
export function suggestOuter(
  file: LintedFile,
  call: TSESTree.Node,
  on: TSESTree.Node,
): TSESLint.ReportSuggestionArray<keyof typeof outerMessages> {
  if (call.type !== AST_NODE_TYPES.CallExpression || call.optional) return []
  const isPromise = call.arguments.every((given) => given === on)
  const found = isPromise ? useOuterForPromise(file, call, on) : useOuterTransaction(file, call, on)
  if (found === undefined) return []
  const messageId = found.isProven ? 'useOuter' : 'useOuterUncaught'
  return [{ messageId, data: { outer: found.outer }, fix: found.fix }]
}

/** To run the batch of `call` in the transaction that it would open another one on. */
export function suggestTransacting(
  file: LintedFile,
  call: TSESTree.Node,
  on: TSESTree.Node,
): TSESLint.ReportSuggestionArray<keyof typeof transactingMessages> {
  const found = batchInOuter(file, call, on)
  if (found === undefined) return []
  const messageId = found.isProven ? 'runInTransaction' : 'runInTransactionUncaught'
  return [{ messageId, data: { outer: found.outer }, fix: found.fix }]
}
