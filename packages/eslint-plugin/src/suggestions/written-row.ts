import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'

/** A row or a key that is written out, column by column. */
export type WrittenRow = ReadonlyMap<string, TSESTree.Property>

/** The columns of `{ id, name: 'a' }`; `undefined` where not all of them are in sight. */
export function writtenRow(node: TSESTree.Node | undefined): WrittenRow | undefined {
  if (node?.type !== AST_NODE_TYPES.ObjectExpression) return undefined
  const row = new Map<string, TSESTree.Property>()
  for (const property of node.properties) {
    if (property.type !== AST_NODE_TYPES.Property || property.computed) return undefined
    const name = ASTUtils.getPropertyName(property)
    if (name === null || row.has(name)) return undefined
    row.set(name, property)
  }
  return row
}

/** A key whose values are the same each time that they are asked. */
export function writtenKey(node: TSESTree.Node | undefined): WrittenRow | undefined {
  const key = writtenRow(node)
  return key !== undefined && key.size > 0 && [...key.values()].every(({ value }) => isStill(value))
    ? key
    : undefined
}

function isStill(node: TSESTree.Node): boolean {
  if (node.type === AST_NODE_TYPES.MemberExpression) return !node.computed && isStill(node.object)
  return (
    node.type === AST_NODE_TYPES.Identifier || (node.type === AST_NODE_TYPES.Literal && node.value !== null)
  )
}

/** What a row has beside a key; `undefined` where it does not say the same of the key. */
export function besideKey(
  source: LintedFile['source'],
  key: WrittenRow,
  row: WrittenRow | undefined,
): WrittenRow | undefined {
  if (row === undefined || ![...key].every(([name, column]) => isSameValue(source, column, row.get(name))))
    return undefined
  return new Map([...row].filter(([name]) => !key.has(name)))
}

export function isSameValue(
  source: LintedFile['source'],
  one: TSESTree.Property,
  other: TSESTree.Property | undefined,
): boolean {
  return other !== undefined && source.getText(one.value) === source.getText(other.value)
}

/** `{ name: 'a' }`; nothing for no column. */
export function textOfRow(source: LintedFile['source'], columns: Iterable<TSESTree.Property>): string[] {
  const texts = [...columns].map((column) => source.getText(column))
  return texts.length === 0 ? [] : [`{ ${texts.join(', ')} }`]
}
