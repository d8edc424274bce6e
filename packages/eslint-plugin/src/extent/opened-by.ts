import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { pgAt } from '../pg/pg-at.ts'
import { syntaxOfProgram } from '../syntax/syntax-of-program.ts'
import { isFunction, type FunctionNode } from '../syntax/function-node.ts'

/** A call that opens a transaction. */
interface Opened {
  /** What it opens it on, as far as that is in sight. */
  readonly on: TSESTree.Node | undefined
  /** Somebody's own function that runs another in a transaction. */
  readonly isWrapper: boolean
  /** Objection's own `transaction(Model, …, callback)` hands over models, and the transaction behind them. */
  readonly isLast: boolean
}

/** `withTransaction(…)`, `this.doInTransaction(…)`, `inTrx(…)`: what takes a function and runs it in a transaction, by custom. */
const wrapperName =
  /^(?:with|within|in|run|runIn|runWith|do|doIn|executeIn|performIn|useIn|wrapIn|inside)(?:A|An|The|New|Own|Db|DB|Database|Knex|Sql)?(?:Transaction|Trx|Tx)$/u

/** What runs a function in a transaction on a client of pg, by custom: `transact(…)`, `db.tx(…)`, `atomically(…)`. */
const transactionWord = /^(?:tx|trx|atomic\w*)$|[tT]ransact|(?:Tx|Trx)(?![a-z])/u

/** Reads `knex.transaction(…)`, `Model.transaction(…)`, `Model.startTransaction()`, Objection's `transaction(…)`, and wrappers. */
export function openedBy(file: LintedFile, call: TSESTree.CallExpression): Opened | undefined {
  const { syntax, settings } = file
  const name = syntax.calledName(call)
  if (name === undefined) return undefined
  const { callee } = call
  const position = settings.transactionFunctions.get(name)
  if (position !== undefined) return { on: call.arguments[position], isWrapper: true, isLast: false }
  const object = callee.type === AST_NODE_TYPES.MemberExpression ? callee.object : undefined
  if (wrapperName.test(name))
    return isOwnWrapper(file, call, object) ? { on: undefined, isWrapper: true, isLast: false } : undefined

  const [first] = call.arguments
  switch (name) {
    case 'transaction':
      if (object !== undefined && opensOn(file, call, object))
        return { on: object, isWrapper: false, isLast: false }
      return (object === undefined ? byObjection(file, callee, first) : undefined) ?? byOwnClient(file, call)
    case 'startTransaction':
      return object !== undefined && first?.type !== AST_NODE_TYPES.ObjectExpression && isModel(file, object)
        ? { on: first ?? object, isWrapper: false, isLast: false }
        : undefined
    case 'start':
      return object === undefined ? undefined : byObjection(file, object, first)
    default:
      return transactionWord.test(name) ? byOwnClient(file, call) : undefined
  }
}

/** A function that runs in a transaction, and what hands that to it. */
interface CallbackRun {
  readonly fn: FunctionNode
  readonly variable: TSESLint.Scope.Variable | undefined
  /** It is handed a client of pg. */
  readonly isClient: boolean
}

/** The functions that a call which opens a transaction runs in it, and the variable in which each gets it. */
export function callbacksOf(
  file: LintedFile,
  call: TSESTree.CallExpression,
  { isLast, isWrapper }: Opened,
): CallbackRun[] {
  return call.arguments.flatMap((argument) => {
    const fn = file.syntax.functionAt(argument)
    if (fn === undefined || !isFunction(fn)) return []
    if (fn !== argument && !isOnlyHandedHere(file, argument)) return []
    const parameter = isLast ? fn.params.at(-1) : fn.params[0]
    const isNamed = parameter?.type === AST_NODE_TYPES.Identifier
    const isTransaction = !isWrapper || (isNamed && file.handleAt(parameter) === 'transaction')
    const isClient = !isTransaction && isNamed && pgAt(file, parameter) === 'client'
    if (isNamed && !isTransaction && !isClient) return [{ fn, variable: undefined, isClient }]
    const variable = isNamed
      ? file.source.getDeclaredVariables(fn).find(({ defs }) => defs.some(({ name }) => name === parameter))
      : undefined
    return [{ fn, variable, isClient }]
  })
}

function byObjection(
  file: LintedFile,
  callee: TSESTree.Node,
  first: TSESTree.Node | undefined,
): Opened | undefined {
  if (first === undefined || !ask(file, callee, 'isObjectionTransaction')) return undefined
  return { on: first, isWrapper: false, isLast: isModel(file, first) }
}

/** `db.transaction(async (client) => …)` and `transact(…)` of one's own, which hand over a client of pg by its type. */
function byOwnClient(file: LintedFile, { arguments: given }: TSESTree.CallExpression): Opened | undefined {
  if (file.services === undefined) return undefined
  const handsClient = given.some((argument) => {
    const [parameter] = isFunction(argument) ? argument.params : []
    return parameter?.type === AST_NODE_TYPES.Identifier && pgAt(file, parameter) === 'client'
  })
  return handsClient ? { on: undefined, isWrapper: true, isLast: false } : undefined
}

function opensOn(file: LintedFile, call: TSESTree.CallExpression, object: TSESTree.Node): boolean {
  const [first] = call.arguments
  // IndexedDB's stores, Sequelize's and others' options.
  if (first?.type === AST_NODE_TYPES.Literal || first?.type === AST_NODE_TYPES.ArrayExpression) return false
  const handle = file.handleAt(object)
  if (handle === 'knex' || handle === 'transaction' || handle === 'either') return true
  if (isModel(file, object)) return true
  // What cannot be told is believed where its callback calls the transaction as Knex's users do.
  const callback = call.arguments.find((argument) => isFunction(argument))
  const [parameter] = callback?.params ?? []
  return (
    handle === 'unknown' &&
    parameter?.type === AST_NODE_TYPES.Identifier &&
    /^(?:trx|tx)$/u.test(parameter.name)
  )
}

function isModel(file: LintedFile, node: TSESTree.Node): boolean {
  return ask(file, node, 'isObjectionModel')
}

function isOwnWrapper(
  file: LintedFile,
  call: TSESTree.CallExpression,
  object: TSESTree.Node | undefined,
): boolean {
  if (!call.arguments.some((argument) => file.syntax.functionAt(argument) !== undefined)) return false
  // MongoDB's sessions have a `withTransaction` of their own.
  const isSession = object !== undefined && /session|mongo/iu.test(file.source.getText(object))
  return !isSession && !isOfOtherPackage(file, call.callee)
}

function isOfOtherPackage({ services }: LintedFile, callee: TSESTree.Node): boolean {
  if (services === undefined) return false
  const name = callee.type === AST_NODE_TYPES.MemberExpression ? callee.property : callee
  const declarations = services.getSymbolAtLocation(name)?.declarations ?? []
  return declarations.some((declaration) => {
    const { fileName } = declaration.getSourceFile()
    return (
      fileName.includes('/node_modules/') &&
      !/\/node_modules\/(?:knex|objection|knex-flatten)\//u.test(fileName)
    )
  })
}

/** Whether a function of a name is handed to what opens transactions wherever it is mentioned. */
function isOnlyHandedHere(file: LintedFile, name: TSESTree.Node): boolean {
  if (name.type !== AST_NODE_TYPES.Identifier) return false
  const variable = ASTUtils.findVariable(file.source.getScope(name), name)
  return (variable?.references ?? []).every(({ identifier, init }) => {
    if (init === true) return true
    const call = (identifier as TSESTree.Node).parent
    if (call?.type !== AST_NODE_TYPES.CallExpression || call.callee === identifier) return false
    return openedBy(file, call) !== undefined
  })
}

/** A question about values that only types, or imports, can answer. */
function ask(
  { services, syntax }: LintedFile,
  node: TSESTree.Node,
  question: 'isObjectionModel' | 'isObjectionTransaction',
): boolean {
  if (services === undefined) return syntax[question](node)
  return syntaxOfProgram(services.program)[question](services.esTreeNodeToTSNodeMap.get(node))
}
