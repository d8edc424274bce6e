import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { chainOf, methodOf, queryOf } from '../knex/query.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { sqlListener } from '../sql/reading.ts'
import {
  suggestGetOrCreate,
  suggestTryInsert,
  withoutConflictMessages,
} from '../suggestions/without-conflict.ts'
import { LookupsBefore } from '../upsert/find-then-insert.ts'
import { insertCatchIn } from '../upsert/insert-catch.ts'
import { isInsert } from '../upsert/inserts.ts'
import { onConflictCallOf } from '../upsert/on-conflict-call.ts'

const forms = ['ignore', 'merge', 'raw', 'merge-statement', 'find-then-insert', 'insert-catch'] as const

type Form = (typeof forms)[number]
type Options = [{ allow?: Form[] }]
type MessageIds =
  'unpublished' | 'refused' | 'insertCatch' | 'findThenInsert' | keyof typeof withoutConflictMessages

export default createRule<Options, MessageIds>({
  name: 'no-upsert',
  meta: {
    type: 'problem',
    docs: {
      description:
        'disallow ways to insert or update that may not be forwarded or need a savepoint to be safe',
      recommended: 'warn',
      strict: 'error',
      rows: ['on-conflict', 'merge'],
    },
    hasSuggestions: true,
    schema: [
      {
        type: 'object',
        description: 'Which forms are allowed.',
        additionalProperties: false,
        properties: {
          allow: {
            type: 'array',
            description: 'Forms that are not reported.',
            uniqueItems: true,
            items: { type: 'string', description: 'A form.', enum: [...forms] },
          },
        },
      },
    ],
    defaultOptions: [{ allow: [] }],
    messages: {
      ...withoutConflictMessages,
      unpublished: '{{words}}: {{why}} Instead: {{instead}}',
      refused: '{{words}} is refused under the profile "{{profile}}". Instead: {{instead}}',
      insertCatch:
        'The unique violation caught here has already aborted the transaction, and a write-forwarding reader has no savepoint to go back to: what follows fails, and COMMIT rolls back. Let the error end the transaction and decide outside of it.',
      findThenInsert:
        'Between the lookup that set `{{found}}` and this insert another session can insert the same row; the unique violation then aborts the transaction, and a write-forwarding reader has no savepoint to go back to. The lookup may also lag behind the writer. Lock one agreed row with `.forUpdate()` before looking, or insert first in a transaction of its own.',
    },
  },
  create(context, [{ allow = [] }]) {
    const file = lintedFile(context)
    const { syntax, handleAt, isOnWriter } = file
    const { profile } = file.settings
    const lookups = new LookupsBefore(syntax)
    // By default they go by ON CONFLICT.
    const mayConflict = profile.verdicts['on-conflict'].verdict !== 'refuse'
    const isAllowed = (form: Form) => allow.includes(form)

    const reportConflict = (
      rule: 'on-conflict' | 'merge',
      words: string,
      loc: TSESTree.SourceLocation,
    ): void => {
      const standing = standingOf(profile, rule)
      if (standing === 'works') return
      const { why, instead } = wordsAbout(profile, rule)
      context.report({ loc, messageId: standing, data: { words, why, instead, profile: profile.name } })
    }

    const checkOnConflict = (call: TSESTree.CallExpression): void => {
      const found = onConflictCallOf(file, call)
      if (found === undefined || isAllowed(found.method) || isOnWriter(call.callee)) return
      reportConflict('on-conflict', `.onConflict(…).${found.method}()`, found.node.loc)
    }

    const checkHandler = (tried: TSESTree.Node, handler: TSESTree.Node): void => {
      const node = isAllowed('insert-catch') ? undefined : insertCatchIn(file, tried, handler)
      if (node === undefined) return
      const suggest = mayConflict ? suggestTryInsert(file, handler) : []
      context.report({ node, messageId: 'insertCatch', suggest })
    }

    const checkInsert = (insert: TSESTree.CallExpression): void => {
      const query = queryOf(chainOf(insert))
      if (query === undefined || query.methods.has('onConflict') || isAllowed('find-then-insert')) return
      const found = lookups.decidingOn(insert, query.table)
      if (found === undefined) return
      if (query.on !== undefined && (handleAt(query.on) === 'none' || isOnWriter(query.on))) return
      const { property } = insert.callee as TSESTree.MemberExpression
      context.report({
        node: property,
        messageId: 'findThenInsert',
        data: { found },
        suggest: mayConflict ? suggestGetOrCreate(file, insert) : [],
      })
    }

    const checkCall = (node: TSESTree.CallExpression): void => {
      checkOnConflict(node)
      if (isInsert(node)) checkInsert(node)
      if (methodOf(node) === 'forUpdate') lookups.addLock(node)
      if (methodOf(node) !== 'catch' || node.callee.type !== AST_NODE_TYPES.MemberExpression) return
      const [handler] = node.arguments
      const isFunction =
        handler?.type === AST_NODE_TYPES.ArrowFunctionExpression ||
        handler?.type === AST_NODE_TYPES.FunctionExpression
      if (isFunction) checkHandler(node.callee.object, handler.body)
    }

    return {
      ...sqlListener(
        file,
        (hits) => {
          for (const { rule, words, loc } of hits) {
            if (rule === 'merge' && !isAllowed('merge-statement')) reportConflict('merge', words, loc)
            if (rule === 'on-conflict' && !isAllowed('raw')) reportConflict('on-conflict', words, loc)
          }
        },
        checkCall,
      ),
      TryStatement({ block, handler }) {
        if (handler !== null) checkHandler(block, handler.body)
      },
      VariableDeclarator({ id, init }) {
        if (init !== null) lookups.add(id, init)
      },
      AssignmentExpression({ left, right }) {
        lookups.add(left, right)
      },
    }
  },
})
