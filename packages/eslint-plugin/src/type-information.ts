import type { TSESLint } from '@typescript-eslint/utils'
import type { JSONSchema4 } from '@typescript-eslint/utils/json-schema'
import { programOf } from './syntax/program-of.ts'

/** Whether a rule may do without types (with less reach), or must say so where they are missing. */
export type TypeInformation = 'optional' | 'required'

export const typeInformationSchema: JSONSchema4 = {
  type: 'string',
  description:
    'What to do in a file that was parsed without types: look by names within the file, or report that they are missing.',
  enum: ['optional', 'required'],
}

export const typesRequired =
  'This rule is set to need type information, and this file was parsed without: parse it with typescript-eslint and `parserOptions.projectService`, or set `typeInformation` to "optional".'

/** Reports a file without types where they are required; answers whether it did. */
export function reportMissingTypes<Options extends readonly unknown[]>(
  context: Readonly<TSESLint.RuleContext<'typesRequired', Options>>,
  typeInformation: TypeInformation | undefined,
): boolean {
  if (typeInformation !== 'required' || programOf(context.sourceCode) !== undefined) return false
  context.report({ loc: { line: 1, column: 0 }, messageId: 'typesRequired' })
  return true
}
