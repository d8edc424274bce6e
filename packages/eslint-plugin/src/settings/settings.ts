import {
  resolveProfile,
  type AwsProfile,
  type ForwardingProfile,
  type ResolvedProfile,
} from '@knex-flatten/sql-support'
import { check } from './check.ts'

/** A function that opens a transaction on its first argument, or on the one that is numbered here from 0. */
export type TransactionFunction = string | { readonly name: string; readonly argument: number }

/** Whether a file may do without types (the rules then look less far), or must say so where they are missing. */
export type TypeInformation = 'optional' | 'required'

/**
 * What all rules are told of an application, under `settings: { 'knex-flatten': … }`.
 *
 * @example
 * settings: { 'knex-flatten': { profile: 'aws-local', writerOnly: ['adminDb'] } }
 */
export interface KnexFlattenSettings {
  /** What is known of the cluster: one of AWS's profiles (default: `aws-global`), or one of your own. */
  readonly profile?: AwsProfile | ForwardingProfile
  /** Functions without a body in sight that open a transaction, or run what they are handed in one. Default: none. */
  readonly transactionFunctions?: readonly TransactionFunction[]
  /** Variables, fields and functions that hold a Knex which only ever talks to the writer. Default: none. */
  readonly writerOnly?: readonly string[]
  /** Files that only run on the writer, as globs. Default: those below a folder `migrations` or `seeds`. */
  readonly ignorePaths?: readonly string[]
  /** What to do with a file that was parsed without types: look less far (`optional`, the default), or report it. */
  readonly typeInformation?: TypeInformation
}

/** The same, checked and filled in. */
export interface Settings {
  readonly profile: ResolvedProfile
  /** Name → the number of the argument it opens on. */
  readonly transactionFunctions: ReadonlyMap<string, number>
  readonly writerOnly: ReadonlySet<string>
  readonly ignorePaths: readonly string[]
  readonly typeInformation: TypeInformation
}

const migrationPaths = ['**/migrations/**', '**/seeds/**']

const known = new WeakMap<object, Settings>()

/**
 * The settings of the file that `context` stands for.
 *
 * @throws {TypeError} naming the value that is wrong and what is allowed in its place.
 */
export function settingsOf({ settings }: { readonly settings: object }): Settings {
  const found = known.get(settings)
  if (found !== undefined) return found
  const made = filledIn(check((settings as Record<string, unknown>)['knex-flatten'] ?? {}))
  known.set(settings, made)
  return made
}

function filledIn(given: KnexFlattenSettings): Settings {
  return {
    profile: resolveProfile(given.profile ?? 'aws-global'),
    transactionFunctions: new Map(
      given.transactionFunctions?.map((entry): [string, number] =>
        typeof entry === 'string' ? [entry, 0] : [entry.name, entry.argument],
      ),
    ),
    writerOnly: new Set(given.writerOnly),
    ignorePaths: given.ignorePaths ?? migrationPaths,
    typeInformation: given.typeInformation ?? 'optional',
  }
}
