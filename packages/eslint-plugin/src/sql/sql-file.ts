import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { constantValue } from './constant.ts'
import type { Chunk } from './sql-text.ts'

/** More than anybody writes by hand; a dump is not looked at. */
const mostBytes = 256 * 1024

const readers = new Set(['readFileSync', 'readFile'])
const joiners = new Set(['join', 'resolve'])

/** The SQL that `readFile` or `readFileSync` reads from a file whose path can be told. */
export function textOfFile(file: LintedFile, call: TSESTree.CallExpression): Chunk | undefined {
  const name = lastWord(call.callee)
  const [given] = call.arguments
  if (name === undefined || given === undefined || !readers.has(name)) return undefined
  const path = pathOf(file, given)
  if (path?.endsWith('.sql') !== true || !isAbsolute(path)) return undefined
  const text = read(path)
  if (text === undefined) return undefined
  const placeOf = (offset: number) => ({
    namedBy: given,
    file: basename(path),
    line: text.slice(0, offset).split('\n').length,
  })
  return { text, placeOf }
}

/** `join(__dirname, 'x.sql')`, `new URL('./x.sql', import.meta.url)`, and what is written in one piece. */
function pathOf(file: LintedFile, node: TSESTree.Node, names = 0): string | undefined {
  if (names > 8) return undefined
  const follow = (next: TSESTree.Node) => pathOf(file, next, names + 1)
  switch (node.type) {
    case AST_NODE_TYPES.Literal:
      return typeof node.value === 'string' ? node.value : undefined
    case AST_NODE_TYPES.TemplateLiteral: {
      const holes = node.expressions.map(follow)
      if (holes.includes(undefined)) return undefined
      return node.quasis.map(({ value }, index) => `${value.cooked}${holes[index] ?? ''}`).join('')
    }
    case AST_NODE_TYPES.BinaryExpression: {
      const [left, right] = [follow(node.left), follow(node.right)]
      return node.operator === '+' && left !== undefined && right !== undefined ? left + right : undefined
    }
    case AST_NODE_TYPES.NewExpression: {
      const [path, base] = node.arguments
      const isBesides = base !== undefined && file.source.getText(base) === 'import.meta.url'
      const relative = path && isBesides ? follow(path) : undefined
      if (relative === undefined || lastWord(node.callee) !== 'URL') return undefined
      return fileURLToPath(new URL(relative, pathToFileURL(file.path)))
    }
    case AST_NODE_TYPES.CallExpression: {
      if (!joiners.has(lastWord(node.callee) ?? '')) return undefined
      const parts = node.arguments.map(follow)
      return parts.every((part) => part !== undefined) ? join(...parts) : undefined
    }
    case AST_NODE_TYPES.MemberExpression:
      return file.source.getText(node) === 'import.meta.dirname' ? dirname(file.path) : undefined
    case AST_NODE_TYPES.Identifier: {
      if (node.name === '__dirname') return dirname(file.path)
      const value = constantValue(file.source, node)
      return value && follow(value)
    }
    default:
      return undefined
  }
}

function lastWord(callee: TSESTree.Node): string | undefined {
  if (callee.type === AST_NODE_TYPES.Identifier) return callee.name
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return undefined
  return ASTUtils.getPropertyName(callee) ?? undefined
}

function read(path: string): string | undefined {
  try {
    return statSync(path).size > mostBytes ? undefined : readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
