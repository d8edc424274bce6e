/** A callback that opens an inner transaction, and what becomes of it. */
export interface InnerCase {
  readonly name: string
  readonly before: string
  /** `undefined`: nothing is suggested. */
  readonly after: string | undefined
  readonly how?: 'useOuter' | 'useOuterUncaught'
  /** Its error is caught, and the outer one is gone on with. */
  readonly isCaught?: boolean
}

const proven = (name: string, before: string, after: string): InnerCase => ({
  name,
  before,
  after,
  how: 'useOuter',
})
const perhaps = (name: string, before: string, after: string): InnerCase => ({
  name,
  before,
  after,
  how: 'useOuterUncaught',
})
const never = (name: string, before: string): InnerCase => ({ name, before, after: undefined })
const caught = (name: string, before: string): InnerCase => ({ ...never(name, before), isCaught: true })

/** The lines of a root's callback. */
const inRoot = (...lines: string[]): string =>
  ['await knex.transaction(async (trx) => {', ...lines.map((line) => `  ${line}`), '})'].join('\n')

export const innerCases: readonly InnerCase[] = [
  proven(
    'one statement',
    inRoot(
      'await trx.transaction(async (inner) => {',
      "  await inner('orders').insert({ id: 1 })",
      '})',
      "await trx('orders').insert({ id: 2 })",
    ),
    inRoot("await trx('orders').insert({ id: 1 })", "await trx('orders').insert({ id: 2 })"),
  ),
  proven(
    'statements with comments and a text over several lines',
    inRoot(
      '// before',
      'await trx.transaction(async (inner) => {',
      '  // first',
      '  await inner.raw(`select',
      '    1`)',
      '  if (trx.isTransaction) {',
      "    await inner('orders').insert({ id: 1 }) // at its end",
      '  }',
      '  /* last */',
      '})',
    ),
    inRoot(
      '// before',
      '// first',
      'await trx.raw(`select',
      '    1`)',
      'if (trx.isTransaction) {',
      "  await trx('orders').insert({ id: 1 }) // at its end",
      '}',
      '/* last */',
    ),
  ),
  proven(
    'names of its own, which stay in a block',
    inRoot(
      'await trx.transaction(async (inner) => {',
      "  const rows = await inner('orders')",
      "  await inner('lines').insert(rows)",
      '});',
      "const rows = await trx('orders')",
    ),
    inRoot(
      '{',
      "  const rows = await trx('orders')",
      "  await trx('lines').insert(rows)",
      '}',
      "const rows = await trx('orders')",
    ),
  ),
  proven(
    'the outer name used for the inner one',
    inRoot("await trx.transaction(async (trx) => { await trx('a').insert({}) })"),
    inRoot("await trx('a').insert({})"),
  ),
  proven(
    'no parameter',
    inRoot("await trx.transaction(async () => { await trx('a').insert({}) });"),
    inRoot("await trx('a').insert({});"),
  ),
  proven(
    'an expression',
    inRoot("const ids = await trx.transaction((inner) => inner('a').insert({}).returning('id'))", 'void ids'),
    inRoot("const ids = await trx('a').insert({}).returning('id')", 'void ids'),
  ),
  proven(
    'an expression that is awaited',
    inRoot("await trx.transaction(async (inner) => await inner('a').insert({}))"),
    inRoot("await trx('a').insert({})"),
  ),
  proven(
    'an object',
    inRoot("const x = await trx.transaction(async (inner) => ({ rows: await inner('a') }))", 'void x'),
    inRoot("const x = await ({ rows: await trx('a') })", 'void x'),
  ),
  proven(
    'a return at the end that nobody uses',
    inRoot(
      "await trx.transaction(async (inner) => { await inner('a').insert({}); return inner('b').insert({}) })",
    ),
    inRoot("await trx('a').insert({}); await trx('b').insert({})"),
  ),
  proven(
    'a return that the outer callback returns',
    inRoot(
      "if (trx.isTransaction) return trx.transaction(async (inner) => { if (inner.isTransaction) return 1; return inner('b') })",
      "return trx('c')",
    ),
    inRoot("if (trx.isTransaction) { if (trx.isTransaction) return 1; return trx('b') }", "return trx('c')"),
  ),
  proven(
    'a value with statements before it',
    inRoot(
      'const rows = await trx.transaction(async (inner) => {',
      "  await inner('a').insert({})",
      "  return await inner('a')",
      '})',
      'void rows',
    ),
    inRoot(
      'const rows = await (async (inner) => {',
      "  await inner('a').insert({})",
      "  return await inner('a')",
      '})(trx)',
      'void rows',
    ),
  ),
  proven(
    'a return in the middle',
    inRoot("await trx.transaction(async (inner) => { if (inner.isTransaction) return; await inner('a') })"),
    inRoot("await (async (inner) => { if (inner.isTransaction) return; await inner('a') })(trx)"),
  ),
  proven(
    'a declaration that is seen outside of a block',
    inRoot("await trx.transaction(async (inner) => { var x = 1; await inner('a').insert({ x }) })"),
    inRoot("await (async (inner) => { var x = 1; await inner('a').insert({ x }) })(trx)"),
  ),
  proven(
    'another thing of the outer name inside',
    inRoot(
      "await trx.transaction(async (inner) => { for (const trx of [1]) await inner('a').insert({ trx }) })",
    ),
    inRoot("await (async (inner) => { for (const trx of [1]) await inner('a').insert({ trx }) })(trx)"),
  ),
  proven(
    'a statement that would go on with the one before it',
    inRoot('void 0', 'await trx.transaction(async (inner) => {', "  [1].map(String); await inner('a')", '})'),
    inRoot('void 0', '{', "  [1].map(String); await trx('a')", '}'),
  ),
  proven(
    'the statement of an if',
    inRoot(
      "if (trx.isTransaction) await trx.transaction(async (inner) => { await inner('a'); await inner('b') })",
    ),
    inRoot("if (trx.isTransaction) { await trx('a'); await trx('b') }"),
  ),
  proven(
    'a comment at the end of the line',
    inRoot('await trx.transaction(async (inner) => {', "  await inner('a') // why", '})'),
    inRoot('{', "  await trx('a') // why", '}'),
  ),
  proven(
    'an error that is caught to be thrown on',
    inRoot(
      'try {',
      "  await trx.transaction(async (inner) => inner('a').insert({}))",
      '} catch (error) {',
      "  throw new Error('no', { cause: error })",
      '}',
    ),
    inRoot(
      'try {',
      "  await trx('a').insert({})",
      '} catch (error) {',
      "  throw new Error('no', { cause: error })",
      '}',
    ),
  ),
  proven(
    'the outer one in promise form, rolled back after an error',
    [
      'async function f() {',
      '  const trx = await knex.transaction()',
      '  try {',
      "    await trx.transaction(async (inner) => inner('a').insert({}))",
      '    await trx.commit()',
      '  } catch (error) {',
      '    await trx.rollback(error)',
      '  }',
      '}',
    ].join('\n'),
    [
      'async function f() {',
      '  const trx = await knex.transaction()',
      '  try {',
      "    await trx('a').insert({})",
      '    await trx.commit()',
      '  } catch (error) {',
      '    await trx.rollback(error)',
      '  }',
      '}',
    ].join('\n'),
  ),
  proven(
    "Objection's form",
    inRoot('await Order.transaction(trx, async (inner) => { await Order.query(inner).insert({}) })'),
    inRoot('await Order.query(trx).insert({})'),
  ),
  perhaps(
    'a function whose callers are not in sight',
    "async function f(trx: Knex.Transaction) { await trx.transaction(async (inner) => { await inner('a') }) }",
    "async function f(trx: Knex.Transaction) { await trx('a') }",
  ),
  perhaps(
    'a transaction that is handed to a function',
    inRoot('await trx.transaction(async (inner) => { await readOrder(inner, 1) })'),
    inRoot('await readOrder(trx, 1)'),
  ),
  perhaps(
    'a property of that name',
    inRoot('await trx.transaction(async (inner) => { await takes({ inner }) })'),
    inRoot('await takes({ inner: trx })'),
  ),
  perhaps(
    'a callback of a loop',
    inRoot(
      "await Promise.all([1].map(async () => { await trx.transaction(async (inner) => { await inner('a') }) }))",
    ),
    inRoot("await Promise.all([1].map(async () => { await trx('a') }))"),
  ),
  perhaps(
    'a field',
    "class S { constructor(readonly t: Knex.Transaction) {} async run() { await this.t.transaction(async (inner) => { await inner('a') }) } }",
    "class S { constructor(readonly t: Knex.Transaction) {} async run() { await (async (inner) => { await inner('a') })(this.t) } }",
  ),
  perhaps(
    'another one in flight',
    inRoot(
      "const other = trx('b').insert({}).then(() => 1)",
      "await trx.transaction(async (inner) => { await inner('a') })",
      'await other',
    ),
    inRoot("const other = trx('b').insert({}).then(() => 1)", "await trx('a')", 'await other'),
  ),
  perhaps(
    'another one in the same breath',
    inRoot("await Promise.all([trx('b'), await trx.transaction((inner) => inner('a'))])"),
    inRoot("await Promise.all([trx('b'), await trx('a')])"),
  ),
  perhaps(
    'a query that nobody waits for',
    inRoot("await trx.transaction(async (inner) => { void inner('a').insert({}); await inner('b') })"),
    inRoot("void trx('a').insert({}); await trx('b')"),
  ),
  perhaps(
    'transaction control by hand',
    inRoot("await trx.transaction(async (inner) => { await inner.raw('ROLLBACK TO trx2') })"),
    inRoot("await trx.raw('ROLLBACK TO trx2')"),
  ),
  caught(
    'an error that is caught',
    inRoot("try { await trx.transaction(async (inner) => { await inner('a') }) } catch {}"),
  ),
  never(
    'an error that is caught around the callback of a loop',
    inRoot(
      "try { await Promise.all([1].map(async () => { await trx.transaction(async (inner) => inner('a')) })) } catch {}",
    ),
  ),
  caught(
    'an error that is caught as a promise',
    inRoot("await trx.transaction(async (inner) => { await inner('a') }).catch(() => null)"),
  ),
  never(
    'errors that are settled',
    inRoot(
      "await Promise.allSettled([1].map(async () => { await trx.transaction(async (inner) => inner('a')) }))",
    ),
  ),
  caught(
    'a query on the outer one before the error is thrown on',
    inRoot(
      "try { await trx.transaction(async (inner) => { await inner('a') }) } catch (e) { await trx('log').insert({}); throw e }",
    ),
  ),
  never(
    'a query after it in any case',
    inRoot(
      "try { await trx.transaction(async (inner) => { await inner('a') }) } finally { await trx('log').insert({}) }",
    ),
  ),
  never(
    'a return after any error',
    inRoot("try { await trx.transaction(async (inner) => { await inner('a') }) } finally { return }"),
  ),
  never(
    'an error swallowed within, which the inner one would not survive',
    inRoot("await trx.transaction(async (inner) => { try { await inner('a') } catch {} })"),
  ),
  perhaps(
    'what a plain function returns, which stays a promise',
    inRoot("const save = () => trx.transaction(async (inner) => inner('a'))", 'await save()'),
    inRoot("const save = () => (async (inner) => inner('a'))(trx)", 'await save()'),
  ),
  perhaps(
    'what a plain function returns behind other statements, which stays a promise',
    inRoot("function save() { void 0; return trx.transaction(async (inner) => inner('a')) }", 'await save()'),
    inRoot("function save() { void 0; return (async (inner) => inner('a'))(trx) }", 'await save()'),
  ),
  never(
    'options',
    inRoot("await trx.transaction(async (inner) => { await inner('a') }, { readOnly: true })"),
  ),
  never(
    'a rollback',
    inRoot("await trx.transaction(async (inner) => { await inner('a'); await inner.rollback() })"),
  ),
  never(
    'a savepoint by hand in a callback that is no promise',
    inRoot("await trx.transaction((inner) => { inner('a').then(() => inner.commit()) })"),
  ),
  never(
    'a transaction kept for later',
    inRoot('await trx.transaction(async (inner) => { const kept = inner; await kept.raw("select 1") })'),
  ),
  never(
    'an event',
    inRoot('await trx.transaction(async (inner) => { inner.on("query", () => {}); await inner("a") })'),
  ),
  never('two at once', inRoot("const p = trx.transaction(async (inner) => { await inner('a') }); await p")),
  never(
    'a comment in what would go',
    inRoot("await trx.transaction(/* nested */ async (inner) => { await inner('a') })"),
  ),
  never('a callback that is not in sight', inRoot('await trx.transaction(work)')),
  perhaps(
    'the promise form',
    inRoot(
      '// before',
      'const inner = await trx.transaction()',
      "const rows = await inner('a').insert({}).returning('id') // first",
      "if (rows.length > 0) await inner('b').insert({ rows })",
      'await takes({ inner })',
      'await inner.commit() // done',
      'return rows',
    ),
    inRoot(
      '// before',
      "const rows = await trx('a').insert({}).returning('id') // first",
      "if (rows.length > 0) await trx('b').insert({ rows })",
      'await takes({ inner: trx })',
      '// done',
      'return rows',
    ),
  ),
  perhaps(
    'the promise form in a line',
    inRoot(
      "const inner = await trx.transaction(); await inner('a').insert({}); await inner.commit(); return 1",
    ),
    inRoot("await trx('a').insert({}); return 1"),
  ),
  perhaps(
    "Objection's promise form",
    inRoot(
      'const t = await Order.startTransaction(trx);',
      'await Order.query(t).insert({});',
      'await t.commit();',
    ),
    inRoot('await Order.query(trx).insert({});'),
  ),
  perhaps(
    'the promise form with an error that is caught to be thrown on',
    inRoot(
      'try {',
      '  const inner = await trx.transaction()',
      "  await inner('a')",
      '  await inner.commit()',
      '} catch (error) {',
      "  throw new Error('no', { cause: error })",
      '}',
    ),
    inRoot(
      'try {',
      "  await trx('a')",
      '} catch (error) {',
      "  throw new Error('no', { cause: error })",
      '}',
    ),
  ),
  ...[
    [
      'with a rollback that throws on',
      "try { await inner('a'); await inner.commit() } catch (error) { await inner.rollback(); throw error }",
    ],
    ['that is committed on some paths', 'if (trx.isTransaction) await inner.commit()'],
    ['that is left before', "if (trx.isTransaction) return; await inner('a'); await inner.commit()"],
    ['that commits a value', 'await inner.commit(1)'],
    ['that is asked whether it is over', 'await inner.commit(); return inner.isCompleted()'],
    ['that is used behind its end', "await inner.commit(); await inner('a')"],
    ['that swallows an error', "await inner('a').catch(() => null); await inner.commit()"],
    ['that catches an error', "try { await inner('a') } catch {} await inner.commit()"],
    ['that is committed by another', 'await work(inner)'],
    ['that is kept', 'const kept = inner; await kept("a"); await inner.commit()'],
    ['whose commit nobody waits for', 'void inner.commit()'],
    [
      'with another thing of the outer name',
      "for (const trx of [1]) await inner('a').insert({ trx }); await inner.commit()",
    ],
  ].map(([name, body]) =>
    never(`the promise form ${name}`, inRoot(`const inner = await trx.transaction(); ${body}`)),
  ),
  never(
    'the promise form with options',
    inRoot("const inner = await trx.transaction({ readOnly: true }); await inner('a'); await inner.commit()"),
  ),
  never(
    'the promise form between what would become one statement',
    inRoot(
      'void 0',
      'const inner = await trx.transaction();',
      '[1].map(String); await inner("a"); await inner.commit()',
    ),
  ),
  caught(
    'the promise form with a rollback behind which the outer one goes on',
    inRoot(
      "const inner = await trx.transaction(); try { await inner('a'); await inner.commit() } catch { await inner.rollback() }",
    ),
  ),
  caught(
    'the promise form whose error is caught',
    inRoot("try { const inner = await trx.transaction(); await inner('a'); await inner.commit() } catch {}"),
  ),
  caught(
    'what a handler swallows',
    inRoot("await trx.transaction(async (inner) => inner('a')).catch(console.error)"),
  ),
  caught(
    "a field's, whose error is caught",
    "class S { constructor(readonly t: Knex.Transaction) {} async run() { try { await this.t.transaction(async (inner) => { await inner('a') }) } catch {} } }",
  ),
  never(
    'what is caught to be thrown on, late',
    inRoot(
      "try { await trx.transaction(async (inner) => inner('a')) } catch (error) { await Promise.resolve(error); throw error }",
    ),
  ),
  never(
    'a handler that is not in sight',
    inRoot("await trx.transaction(async (inner) => inner('a')).catch(handle)"),
  ),
  never(
    'a handler that throws on',
    inRoot("await trx.transaction(async (inner) => inner('a')).catch((error) => { throw error })"),
  ),
  never(
    'an outer one that ends in the same try',
    'async function f() { try { const trx = await knex.transaction(); await trx.transaction(work); await trx.commit() } catch {} }',
  ),
]
