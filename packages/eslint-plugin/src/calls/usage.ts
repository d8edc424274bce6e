import { functionAround } from '../syntax/function-around.ts'
import type { Syntax } from '../syntax/syntax.ts'

/**
 * What becomes of a builder, which sends nothing until it is awaited: it is sent, returned to whoever calls, or neither
 * in sight (a subquery, a value).
 */
export interface Usage<N> {
  readonly fate: 'sent' | 'returned' | 'kept'
  /** What `.transacting(…)` gives it. */
  readonly transacting?: N
}

const kept = { fate: 'kept' } as const
const sent = { fate: 'sent' } as const

const sends = new Set([
  'then',
  'catch',
  'finally',
  'stream',
  'pipe',
  'asCallback',
  'exec',
  'execute',
  'thenReturn',
])
const writes = new Set([
  'insert',
  'update',
  'del',
  'delete',
  'increment',
  'decrement',
  'patch',
  'deleteById',
  'patchAndFetchById',
  'insertAndFetch',
])
const onlyPrints = new Set(['toSQL', 'toString', 'toQuery', 'toNative', 'toKnexQuery'])
/** Functions handed to a builder build a part of it. */
const builds =
  /^(?:\w*[wW]here\w*|\w*[jJ]oin\w*|\w*[hH]aving\w*|modify|with\w*|union\w*|from|into|as|on|select|if|allowGraph)$/u
const promises = new Set(['all', 'allSettled', 'race', 'any', 'resolve', 'map', 'flatMap'])

export function usageOf<N>(syntax: Syntax<N>, call: N, depth = 0): Usage<N> {
  if (depth > 6) return kept
  let node = call
  let isWrite = false
  const returned = (fn: N | undefined): Usage<N> => {
    const usage = returnedFrom(syntax, fn, depth)
    // Nobody makes a subquery of a write.
    return isWrite && usage.fate === 'returned' ? sent : usage
  }
  for (let above = syntax.parent(node); above !== undefined; above = syntax.parent(node)) {
    const view = syntax.view(above)
    switch (view.kind) {
      case 'wrapped':
      case 'logical':
      case 'conditional':
      case 'array':
        if (view.kind === 'conditional' && view.test === node) return kept
        break
      case 'await':
        return sent
      case 'member': {
        const next = chainedCall(syntax, above, node)
        if (next === undefined || onlyPrints.has(view.property)) return kept
        if (view.property === 'transacting') return ofTransacting(syntax, next, depth)
        if (sends.has(view.property)) return sent
        isWrite ||= writes.has(view.property)
        node = next
        continue
      }
      case 'call':
        if (!view.arguments.includes(node) || !promises.has(syntax.calledName(above) ?? '')) return kept
        break
      case 'exit':
        return view.isReturn ? returned(functionAround(syntax, above)) : kept
      case 'function':
        return returned(above)
      default:
        return ofVariable(syntax, node, depth)
    }
    node = above
  }
  return kept
}

/** `.method(…)` behind a builder. */
function chainedCall<N>(syntax: Syntax<N>, member: N, builder: N): N | undefined {
  const view = syntax.view(member)
  if (view.kind !== 'member' || view.object !== builder) return undefined
  let callee = member
  let call = syntax.parent(callee)
  while (call !== undefined && syntax.view(call).kind === 'wrapped') {
    callee = call
    call = syntax.parent(callee)
  }
  const called = call === undefined ? undefined : syntax.view(call)
  return called?.kind === 'call' && called.callee === callee ? call : undefined
}

function ofTransacting<N>(syntax: Syntax<N>, call: N, depth: number): Usage<N> {
  const view = syntax.view(call)
  const [transacting] = view.kind === 'call' ? view.arguments : []
  return { ...usageOf(syntax, call, depth + 1), ...(transacting !== undefined && { transacting }) }
}

/** An async function awaits what it returns; another's caller decides, or the call that runs it. */
function returnedFrom<N>(syntax: Syntax<N>, fn: N | undefined, depth: number): Usage<N> {
  if (fn === undefined) return kept
  if (syntax.isAsync(fn)) return sent
  const call = syntax.parent(fn)
  const view = call === undefined ? undefined : syntax.view(call)
  if (call === undefined || view?.kind !== 'call') return { fate: 'returned' }
  if (view.callee === fn) return usageOf(syntax, call, depth + 1)
  const name = syntax.calledName(call) ?? ''
  if (name === 'transaction') return sent
  return builds.test(name) ? kept : usageOf(syntax, call, depth + 1)
}

/** `const query = db('t'); …; await query` */
function ofVariable<N>(syntax: Syntax<N>, builder: N, depth: number): Usage<N> {
  const name = syntax.holderOf(builder)
  if (name === undefined) return kept
  const usages = syntax.usesOf(name).map((use) => usageOf(syntax, use, depth + 1))
  const transacting = usages.find((usage) => usage.transacting !== undefined)?.transacting
  const fates = usages.map(({ fate }) => fate)
  const fate = fates.includes('sent') ? 'sent' : fates.includes('returned') ? 'returned' : 'kept'
  return { fate, ...(transacting !== undefined && { transacting }) }
}
