import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { ancestorsOf } from './ancestors-of.ts'
import { handleByName, isForeign } from '../knex/handle-by-name.ts'
import type { Handle } from '../knex/handle.ts'
import { pgByName, type PgHeld } from '../pg/held.ts'
import { enclosingClass, isNullish, methodOf, named, pathTo, withoutWrapping } from './estree-nodes.ts'
import { viewOfEstree } from './estree-view.ts'
import { isFunction } from './function-node.ts'
import { importsOf } from './imports-of.ts'
import { isWithin } from './is-within.ts'
import { packageByImport } from './packages-of.ts'
import { shortPath } from './short-path.ts'
import type { Declaration, Named, Syntax } from './syntax.ts'
import type { View } from './view.ts'

type Node = TSESTree.Node

const { DefinitionType } = TSESLint.Scope

/** ESLint's own tree: this file only, and what things are is told by where they come from and what they are called. */
export class EstreeSyntax implements Syntax<Node> {
  readonly typed = false
  readonly scope: object
  readonly #source: Readonly<TSESLint.SourceCode>
  readonly #file: string
  #isForeign: boolean | undefined

  constructor(source: Readonly<TSESLint.SourceCode>, file: string) {
    this.scope = source
    this.#source = source
    this.#file = file
  }

  view(node: Node): View<Node> {
    return viewOfEstree(node)
  }

  parent(node: Node): Node | undefined {
    // Above the program ESLint has null, whatever the type says.
    return node.parent ?? undefined
  }

  eachChild(node: Node, visit: (child: Node) => void): void {
    for (const key of this.#source.visitorKeys[node.type] ?? []) {
      const child = (node as unknown as Record<string, Node | (Node | null)[] | null | undefined>)[key]
      const children = Array.isArray(child) ? child : [child]
      for (const each of children) if (each !== null && each !== undefined) visit(each)
    }
  }

  isFunction(node: Node): boolean {
    return isFunction(node)
  }

  isClass({ type }: Node): boolean {
    return type === AST_NODE_TYPES.ClassDeclaration || type === AST_NODE_TYPES.ClassExpression
  }

  calledName(node: Node): string | undefined {
    if (node.type !== AST_NODE_TYPES.CallExpression && node.type !== AST_NODE_TYPES.NewExpression)
      return undefined
    const view = viewOfEstree(withoutWrapping(node.callee))
    if (view.kind === 'name') return view.name
    return view.kind === 'member' ? view.property : undefined
  }

  namedBy(node: Node): Named | undefined {
    switch (node.type) {
      case AST_NODE_TYPES.FunctionDeclaration:
      case AST_NODE_TYPES.ClassDeclaration:
        return { name: node.id?.name ?? 'default' }
      case AST_NODE_TYPES.VariableDeclarator:
        return named(node.id, node.init)
      case AST_NODE_TYPES.Property:
      case AST_NODE_TYPES.PropertyDefinition:
      case AST_NODE_TYPES.MethodDefinition:
        return named(node.key, node.value)
      default:
        return undefined
    }
  }

  variableOf(name: Node): object | undefined {
    return this.#variable(name)
  }

  declarationOf(name: Node): Declaration<Node> | undefined {
    const definition = this.#definitionOf(name)
    const pattern = definition?.name
    if (definition === undefined || pattern === undefined) return undefined
    if (definition.type === DefinitionType.Parameter) {
      const fn = definition.node
      const index = fn.params.findIndex((parameter) => isWithin(pattern, parameter))
      return { kind: 'parameter', function: fn, index, path: pathTo(pattern) }
    }
    if (definition.type !== DefinitionType.Variable) return undefined
    const value = this.#onlyValueOf(name)
    if (value === undefined) return undefined
    return { kind: 'constant', value, path: value === definition.node.init ? pathTo(pattern) : [] }
  }

  declaredAt(name: Node): Node | undefined {
    return this.#definitionOf(name)?.node
  }

  holderOf(value: Node): Node | undefined {
    const { parent } = value
    const isHeld = parent?.type === AST_NODE_TYPES.VariableDeclarator && parent.init === value
    return isHeld && parent.id.type === AST_NODE_TYPES.Identifier ? parent.id : undefined
  }

  usesOf(name: Node): Node[] {
    const references = this.#variable(name)?.references ?? []
    return references.filter(({ init }) => init !== true).map(({ identifier }) => identifier)
  }

  functionCalledBy(call: Node): Node | undefined {
    const view = viewOfEstree(call)
    if (view.kind === 'new') return this.constructorCalledBy(call)
    if (view.kind !== 'call') return undefined
    const callee = withoutWrapping(view.callee)
    const called = viewOfEstree(callee)
    if (called.kind !== 'member') return this.functionAt(callee)
    const owner = this.#classOf(called.object)
    return owner && methodOf(owner, called.property)
  }

  /** Without types no interface is told from another. */
  promisedBy(): undefined {
    return undefined
  }

  implementationAt(): undefined {
    return undefined
  }

  functionAt(node: Node): Node | undefined {
    const value = withoutWrapping(node)
    if (viewOfEstree(value).kind === 'function') return value
    const definition = this.#definitionOf(value)
    if (definition?.type === DefinitionType.FunctionName) return definition.node
    const declared = this.declarationOf(value)
    return declared?.kind === 'constant' && viewOfEstree(declared.value).kind === 'function'
      ? declared.value
      : undefined
  }

  isAsync(fn: Node): boolean {
    return 'async' in fn && fn.async
  }

  defaultOf(fn: Node, index: number): Node | undefined {
    const parameter = 'params' in fn ? fn.params[index] : undefined
    return parameter?.type === AST_NODE_TYPES.AssignmentPattern ? parameter.right : undefined
  }

  constructorCalledBy(construction: Node): Node | undefined {
    const owner = this.#classOf(construction)
    return owner && methodOf(owner, 'constructor')
  }

  accessorAt(member: Node): { returns: Node | undefined } | undefined {
    const view = viewOfEstree(member)
    const owner = view.kind === 'member' ? this.#classOf(view.object) : undefined
    if (view.kind !== 'member' || owner === undefined) return undefined
    const getter = owner.body.body.find(
      (each) =>
        each.type === AST_NODE_TYPES.MethodDefinition &&
        each.kind === 'get' &&
        named(each.key, null)?.name === view.property,
    )
    if (getter?.type !== AST_NODE_TYPES.MethodDefinition) return undefined
    const [only, ...others] = getter.value.body?.body ?? []
    const isPlain = others.length === 0 && only?.type === AST_NODE_TYPES.ReturnStatement
    return { returns: isPlain ? (only.argument ?? undefined) : undefined }
  }

  handleOf(node: Node, path: readonly string[] = []): Handle {
    this.#isForeign ??= isForeign(importsOf(this.#source.ast))
    return this.#isForeign ? 'none' : handleByName(this, node, path)
  }

  mayUse(): boolean {
    return true
  }

  pgOf(node: Node, path: readonly string[] = []): PgHeld {
    return pgByName(this, node, path)
  }

  packagesOf(call: Node): string[] {
    const view = viewOfEstree(call)
    const found = view.kind === 'call' ? packageByImport(this.#source, view.callee) : undefined
    return found === undefined ? [] : [found]
  }

  isTransactionGuard(): boolean {
    return false
  }

  /** By custom alone: a capital letter before `.transaction(`. */
  isObjectionModel(node: Node): boolean {
    const view = viewOfEstree(withoutWrapping(node))
    const name = view.kind === 'name' ? view.name : view.kind === 'member' ? view.property : ''
    return /^[A-Z].*[a-z]/u.test(name)
  }

  isObjectionTransaction(node: Node): boolean {
    const definition = this.#definitionOf(withoutWrapping(node))
    const parent = definition?.type === DefinitionType.ImportBinding ? definition.parent : undefined
    return parent?.type === AST_NODE_TYPES.ImportDeclaration && parent.source.value === 'objection'
  }

  *roots(): Iterable<Node> {
    yield this.#source.ast
  }

  nameOf(fn: Node): string {
    const own = this.namedBy(fn)?.name
    if (own !== undefined) return own
    for (const [above] of ancestorsOf(fn)) {
      const name = this.namedBy(above)?.name
      if (name !== undefined) return name
      if (viewOfEstree(above).kind === 'function') break
    }
    return '(anonymous function)'
  }

  textOf(node: Node): string {
    return this.#source.getText(node)
  }

  positionOf(node: Node): { file: string; line: number } {
    return { file: shortPath(this.#file), line: node.loc.start.line }
  }

  #variable(name: Node): TSESLint.Scope.Variable | undefined {
    if (name.type !== AST_NODE_TYPES.Identifier) return undefined
    return ASTUtils.findVariable(this.#source.getScope(name), name) ?? undefined
  }

  #definitionOf(name: Node): TSESLint.Scope.Definition | undefined {
    return this.#variable(name)?.defs.at(0)
  }

  /** The one value that a variable ever holds, by `=` alone. */
  #onlyValueOf(name: Node): Node | undefined {
    const writes = (this.#variable(name)?.references ?? []).filter((reference) => reference.isWrite())
    const values: Node[] = []
    for (const { identifier, writeExpr } of writes) {
      const { parent } = identifier
      const isPlain =
        parent.type === AST_NODE_TYPES.AssignmentExpression &&
        parent.operator === '=' &&
        parent.left === identifier
      if (!isPlain && !this.#isIntroducedBy(name, writeExpr)) return undefined
      if (writeExpr && !isNullish(writeExpr)) values.push(writeExpr)
    }
    return values.length === 1 ? values[0] : undefined
  }

  #isIntroducedBy(name: Node, value: Node | null | undefined): boolean {
    const definition = this.#definitionOf(name)
    return definition?.type === DefinitionType.Variable && value != null && definition.node.init === value
  }

  /** The class in this file whose instance `node` is: `this`, `new X()`, or a constant that holds one. */
  #classOf(node: Node): TSESTree.ClassDeclaration | TSESTree.ClassExpression | undefined {
    const view = viewOfEstree(node)
    if (view.kind === 'wrapped') return this.#classOf(view.inner)
    if (view.kind === 'this') return enclosingClass(node)
    if (view.kind === 'name') {
      const declared = this.declarationOf(node)
      return declared?.kind === 'constant' && declared.path.length === 0
        ? this.#classOf(declared.value)
        : undefined
    }
    const definition = view.kind === 'new' ? this.#definitionOf(view.callee) : undefined
    return definition?.type === DefinitionType.ClassName ? definition.node : undefined
  }
}
