import type * as ts from 'typescript'

type TypeScript = typeof ts

/** Where a declaration's name is known: the file or function that holds it, or the block for which it is meant. */
function scopeOf(ts: TypeScript, declaration: ts.Node): ts.Node {
  for (let node = declaration.parent; ; node = node.parent) {
    if (ts.isSourceFile(node) || ts.isFunctionLike(node) || ts.isModuleBlock(node)) return node
  }
}

/** Every mention of a variable, its declaration left out. */
export function mentionsOf(
  ts: TypeScript,
  declaration: ts.VariableDeclaration,
  isSame: (name: ts.Identifier) => boolean,
): ts.Identifier[] {
  const { name } = declaration
  if (!ts.isIdentifier(name)) return []
  const found: ts.Identifier[] = []
  const waiting: ts.Node[] = [scopeOf(ts, declaration)]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (ts.isIdentifier(node) && node.text === name.text && node !== name && isSame(node)) found.push(node)
    ts.forEachChild(node, (child) => {
      waiting.push(child)
    })
  }
  return found
}

/** The one value that a variable ever holds; `undefined` where there are several, or none that can be told. */
export function onlyValueOf(
  ts: TypeScript,
  declaration: ts.VariableDeclaration,
  isSame: (name: ts.Identifier) => boolean,
): ts.Expression | undefined {
  const { initializer } = declaration
  if ((ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0) return initializer
  const values = initializer === undefined || isNullish(ts, initializer) ? [] : [initializer]
  for (const mention of mentionsOf(ts, declaration, isSame)) {
    const { parent } = mention
    if (ts.isBinaryExpression(parent) && parent.left === mention) {
      if (parent.operatorToken.kind === ts.SyntaxKind.EqualsToken) values.push(parent.right)
      else if (isAssignment(ts, parent)) return undefined
    } else if (isWrittenOtherwise(ts, mention)) {
      return undefined
    }
  }
  return values.length === 1 ? values[0] : undefined
}

/** `[x] = …`, `({ a: x } = …)` and `for (x of …)`: what it is then is not followed. */
function isWrittenOtherwise(ts: TypeScript, mention: ts.Identifier): boolean {
  let node: ts.Node = mention
  while (
    ts.isArrayLiteralExpression(node.parent) ||
    ts.isObjectLiteralExpression(node.parent) ||
    ts.isPropertyAssignment(node.parent) ||
    ts.isShorthandPropertyAssignment(node.parent)
  ) {
    node = node.parent
  }
  const { parent } = node
  if (ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return parent.initializer === node
  if (node === mention || !ts.isBinaryExpression(parent)) return false
  return parent.left === node && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken
}

/** `??=`, `||=` and the like. */
function isAssignment(ts: TypeScript, { operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment
}

function isNullish(ts: TypeScript, node: ts.Expression): boolean {
  return node.kind === ts.SyntaxKind.NullKeyword || (ts.isIdentifier(node) && node.text === 'undefined')
}
