import fc from 'fast-check'
import { tokenEnds } from '../token-ends.ts'

/** Names that inner transactions, and other things, go by: some hide others. */
const name = fc.constantFrom('inner', 'trx', 'tx', 'rows')

/** A query on `on`. */
const queryOn = (on: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    `${on}('a').insert({ id })`,
    `${on}('a').where({ id }).first().then((row) => row)`,
    `${on}.raw(\`select \${id},\n      2\`)`,
    `${on}.select('x').from('b')`,
    `note(${on})`,
    `note({ ${on}, id })`,
    `note([1].map(() => ${on}('c')))`,
  )

/** Statements that run on `on`, in a function that may be left. */
const statementsOn = (on: string, depth: number): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(statementOn(on, depth), fc.constantFrom(';\n', ';\n', '\n', '; ')), {
      minLength: 1,
      maxLength: 3,
    })
    .map((all) =>
      all
        // What begins so would go on with the statement before it.
        .map(
          ([statement, end], index) => statement + (/^[[(`]/u.test(all[index + 1]?.[0] ?? '') ? ';\n' : end),
        )
        .join(''),
    )

function statementOn(on: string, depth: number): fc.Arbitrary<string> {
  const query = queryOn(on)
  const plain = fc.oneof(
    query.map((text) => `await ${text}`),
    fc.tuple(name, query).map(([local, text]) => `const ${local} = await ${text}`),
    query.map((text) => `return ${text}`),
    query.map((text) => `return await ${text}`),
    query.map((text) => `if (flag) return ${text}`),
    fc.constantFrom(
      'var late = 1',
      'function within() {}',
      '[1].map(String)',
      '(() => 1)()',
      '`text`',
      'note(rows)',
    ),
    fc.constantFrom('throw new Error("no")', 'return', 'if (flag) note(1); else note(2)'),
  )
  if (depth === 0) return plain
  const block = statementsOn(on, depth - 1)
  const nested = fc.oneof(
    block.map((text) => `if (flag) {\n${text}}`),
    block.map((text) => `{ ${text}}`),
    fc.tuple(name, block).map(([local, text]) => `for (const ${local} of [1]) {\n${text}}`),
    block.map((text) => `try { ${text}} catch (error) { throw error }`),
    block.map((text) => `try { ${text}} catch { note(3) }`),
    query.map((text) => `if (flag) await ${text}`),
  )
  return fc.oneof(plain, nested, openedOn(on, depth - 1), openedOn(on, depth - 1))
}

/** A transaction or a savepoint opened on `on`, in the ways that people write. */
export function openedOn(on: string, depth: number): fc.Arbitrary<string> {
  const opened = name.chain((inner) =>
    fc
      .tuple(
        statementsOn(inner, depth),
        queryOn(inner),
        fc.constantFrom('transaction', 'transaction', 'savepoint'),
        fc.constantFrom<(text: string) => string>(
          (text) => `await ${text}`,
          (text) => `return ${text}`,
          (text) => `return await ${text}`,
          (text) => `const done = await ${text}; note(done)`,
          (text) => `note((await ${text})?.id)`,
          (text) => `if (flag) await ${text}`,
          (text) => `await ${text}.then((value) => value)`,
          (text) => `await Promise.all([${text}])`,
        ),
      )
      .chain(([statements, query, method, placed]) => {
        const works = [
          `async (${inner}) => {\n${statements}}`,
          `async function (${inner}) { ${statements}}`,
          `async () => { ${statements}}`,
          `(${inner}) => ${query}`,
          `async (${inner}) => await ${query}`,
          `async ${inner} => ({ rows: await ${query} })`,
        ]
        const inPromise = `const ${inner} = await ${on}.transaction();\n${statements}await ${inner}.commit()`
        return fc.constantFrom(...works.map((work) => placed(`${on}.${method}(${work})`)), inPromise)
      }),
  )
  return opened
}

/** A lookup and what is done about it, an insert and what is done about its conflict, and queries on the root. */
export const otherShapes: fc.Arbitrary<string> = fc
  .record({
    key: fc.constantFrom('{ id }', '{ id, name: flag }', '{ id: id + 1 }', '{ "id": rows.id }'),
    row: fc.constantFrom(
      '{ id }',
      '{ id, name: `a${id}` }',
      '{ name: flag, id }',
      '{ id, at: note(1) }',
      '{ "id": rows.id }',
    ),
    test: fc.constantFrom('!found', 'found === undefined', 'found', 'found == null'),
    kept: fc.constantFrom('', '[found] = '),
    answer: fc.constantFrom(
      '',
      'await note(1)',
      "await trx('a').where({ id }).update({ name: 1 })",
      'return 1',
      'note(error)',
    ),
    open: fc.constantFrom('{ ', ''),
    end: fc.constantFrom(';\n', '\n'),
    way: fc.nat(6),
    last: fc.constantFrom('return rows', '[1].map(String)', '(() => 1)()', 'note(2)'),
  })
  .map(({ key, row, test, kept, answer, open, end, way, last }) => {
    const close = open === '' ? '' : ' }'
    const insert = `${open}${kept}await trx('a').insert(${row})${kept === '' ? '' : ".returning('*')"}${close}`
    const update = `${open}await trx('a').where(${key}).update({ name: 1 })${close}`
    const lookup = `let found = await trx('a').where(${key}).first()${end}`
    const tried = `try { await trx('a').insert(${row})${end} }`
    const ways = [
      `${lookup}if (${test}) ${insert}${end}${last}`,
      `${lookup}if (${test}) ${open}${insert}${close}${end}else ${update}${end}${last}`,
      `${lookup}if (${test}) ${update}${end}else ${insert}${end}${last}`,
      `${tried} catch (error) { if (error.code !== '23505') throw error; ${answer} }${end}${last}`,
      `${tried} catch (error) { if (error.code === '23505') { ${answer} } else throw error }${end}${last}`,
      `const taken = await knex('a').where(${key}).first()${end}note(taken)${end}${last}`,
      `await knex.raw('select 1').then((row) => row)${end}await Order.query()${end}${last}`,
    ]
    return ways[way]!
  })

const text = (work: string) => `async function program(knex, rows, flag, id, note) {
  return await knex.transaction(async (trx) => {
    ${work}
  })
}
`

/** Programs with comments between any two of their tokens; some of them do not parse. */
export function programs(work: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const comment = fc.tuple(fc.nat(10_000), fc.boolean())
  return fc.tuple(work, fc.array(comment, { maxLength: 3 })).map(([body, comments]) => {
    const code = text(body)
    const ends = tokenEnds(code)
    const places = comments.map(([place, isLine], index) => ({
      at: ends[place % ends.length]!,
      comment: isLine ? `// c${index}\n` : `/* c${index} */`,
    }))
    let all = code
    for (const { at, comment: given } of places.toSorted((one, other) => other.at - one.at)) {
      all = all.slice(0, at) + given + all.slice(at)
    }
    return all
  })
}
