import { ruleIds } from '@knex-flatten/sql-support'
import type { JSONSchema4 } from '@typescript-eslint/utils/json-schema'

const verdict: JSONSchema4 = {
  type: 'object',
  description: 'What becomes of it, and how that is known.',
  additionalProperties: false,
  required: ['verdict', 'known'],
  properties: {
    verdict: {
      type: 'string',
      description: 'Where it runs, if at all.',
      enum: ['local', 'forward', 'refuse'],
    },
    known: {
      type: 'string',
      description: 'How that is known.',
      enum: ['documented', 'measured', 'assumed', 'unknown'],
    },
  },
}

/** A profile: one of AWS's by name, or verdicts that differ from it. */
export const profileSchema: JSONSchema4 = {
  description: "What is known of the cluster: one of AWS's profiles, or one of your own.",
  oneOf: [
    {
      type: 'string',
      description: "AWS's page on this kind of forwarding.",
      enum: ['aws-global', 'aws-local'],
    },
    {
      type: 'object',
      description: "Verdicts that differ from one of AWS's profiles.",
      additionalProperties: false,
      required: ['name', 'extends'],
      properties: {
        name: { type: 'string', description: 'A name of its own.', minLength: 1 },
        extends: {
          type: 'string',
          description: 'The profile it differs from.',
          enum: ['aws-global', 'aws-local'],
        },
        verdicts: {
          type: 'object',
          description: 'Verdicts by rule id of the support table.',
          additionalProperties: false,
          patternProperties: { [`^(?:${ruleIds.join('|')})$`]: verdict },
        },
      },
    },
  ],
}
