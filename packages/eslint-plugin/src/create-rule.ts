import type { RuleId } from '@knex-flatten/sql-support'
import { ESLintUtils, type TSESLint } from '@typescript-eslint/utils'
import { Minimatch } from 'minimatch'
import { settingsOf, type Settings } from './settings/settings.ts'
import { programOf } from './syntax/program-of.ts'

/** What the documentation and the presets say about a rule, beside its description. */
export interface RuleDocs {
  /** How severe it is in `recommended`: an error for what is documented as refused, a warning for what nobody has published. */
  readonly recommended: 'error' | 'warn' | 'off'
  /** How severe it is in `strict`. */
  readonly strict: 'error' | 'warn'
  /** The rows of the support table that it stands on. */
  readonly rows: readonly RuleId[]
  /** Its options in the presets, where they are not the defaults. */
  readonly presetOptions?: readonly object[]
}

type Rule<Options extends readonly unknown[], MessageIds extends string> = Readonly<
  ESLintUtils.RuleWithMetaAndName<Options, MessageIds, RuleDocs>
>

type Module<Options extends readonly unknown[], MessageIds extends string> = ESLintUtils.RuleModule<
  MessageIds | 'typesRequired',
  Options,
  RuleDocs
> & { name: string }

const pages = 'https://unpkg.com/eslint-plugin-knex-flatten/docs/rules'

const create = ESLintUtils.RuleCreator<RuleDocs>((name) => `${pages}/${name}.md`)

const typesRequired =
  'The rules of knex-flatten are set to need type information, and this file was parsed without: parse it with typescript-eslint and `parserOptions.projectService`, or set `typeInformation` to "optional" in the settings.'

/**
 * Makes a rule whose documentation is the page of its name. It is not run on files that the settings ignore, nor where they
 * want types and there are none: that is reported once for the file.
 */
export function createRule<Options extends readonly unknown[], MessageIds extends string>(
  rule: Rule<Options, MessageIds>,
): Module<Options, MessageIds> {
  return create<Options, MessageIds | 'typesRequired'>({
    ...rule,
    meta: { ...rule.meta, messages: { ...rule.meta.messages, typesRequired } },
    create(context, options) {
      return isLookedAt(context) ? rule.create(context, options) : {}
    },
  })
}

type Context = Readonly<TSESLint.RuleContext<'typesRequired', readonly unknown[]>>

const decided = new WeakMap<object, { readonly settings: Settings; readonly isLookedAt: boolean }>()

/** Decided once for all rules: matching paths fifteen times over would cost more than most rules. */
function isLookedAt(context: Context): boolean {
  const settings = settingsOf(context)
  const known = decided.get(context.sourceCode)
  if (known?.settings === settings) return known.isLookedAt
  const { ignorePaths, typeInformation } = settings
  const hasTypes = typeInformation === 'optional' || programOf(context.sourceCode) !== undefined
  const isIgnored = isBelow(context, ignorePaths)
  if (!isIgnored && !hasTypes) context.report({ loc: { line: 1, column: 0 }, messageId: 'typesRequired' })
  const answer = !isIgnored && hasTypes
  decided.set(context.sourceCode, { settings, isLookedAt: answer })
  return answer
}

function isBelow({ filename, cwd }: Context, globs: readonly string[]): boolean {
  const path = filename.replaceAll('\\', '/')
  const folder = `${cwd.replaceAll('\\', '/')}/`
  const inside = path.startsWith(folder) ? path.slice(folder.length) : path
  return globs.some((glob) => matcherOf(glob).match(inside))
}

const matchers = new Map<string, Minimatch>()

function matcherOf(glob: string): Minimatch {
  const matcher = matchers.get(glob) ?? new Minimatch(glob, { dot: true })
  matchers.set(glob, matcher)
  return matcher
}
