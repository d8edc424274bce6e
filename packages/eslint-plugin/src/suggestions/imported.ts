import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { insert, type Edit } from './edits.ts'

/** A function of knex-flatten as a place may call it, and what the file needs for that. */
export interface Imported {
  readonly name: string
  readonly edits: readonly Edit[]
}

const home = 'knex-flatten'

/** Makes `name` of knex-flatten callable at `node`; `undefined` where the name means something else there, or in a script. */
export function imported(
  source: Readonly<TSESLint.SourceCode>,
  name: string,
  node: TSESTree.Node,
): Imported | undefined {
  if (source.ast.sourceType !== 'module') return undefined
  const imports = source.ast.body.filter((statement) => statement.type === AST_NODE_TYPES.ImportDeclaration)
  const own = imports.filter((each) => each.source.value === home && each.importKind !== 'type')
  const specifiers = own.flatMap((each) => each.specifiers).filter(isNamed)
  const known = specifiers.find(
    ({ imported: of, importKind }) =>
      of.type === AST_NODE_TYPES.Identifier && of.name === name && importKind !== 'type',
  )
  const local = known?.local.name ?? name
  const found = ASTUtils.findVariable(source.getScope(node), local)
  const isImport = found?.defs[0]?.node === known
  if (known !== undefined) return isImport ? { name: local, edits: [] } : undefined
  // A name that some place in between gives to something else.
  if (found !== null) return undefined
  const last = specifiers.at(-1)
  if (last !== undefined) return { name, edits: [insert(last.range[1], `, ${name}`)] }
  return { name, edits: [newImport(source, name, imports.at(-1))] }
}

function isNamed(specifier: TSESTree.ImportClause): specifier is TSESTree.ImportSpecifier {
  return specifier.type === AST_NODE_TYPES.ImportSpecifier
}

/** After the last import, in its manner; else at the top. */
function newImport(
  source: Readonly<TSESLint.SourceCode>,
  name: string,
  last: TSESTree.ImportDeclaration | undefined,
): Edit {
  const quote = last?.source.raw.at(0) ?? "'"
  const text = `import { ${name} } from ${quote}${home}${quote}`
  if (last !== undefined) {
    const end = source.text[last.range[1] - 1] === ';' ? ';' : ''
    return insert(last.range[1], `\n${text}${end}`)
  }
  return insert(source.ast.body[0]?.range[0] ?? 0, `${text}\n`)
}
