import type { Block, Failure, Step } from '../../test/matrix/program.ts'

const handles = ['trx', 'inner', 'third', 'fourth']

/** A program as a person would write it; transactions in it are callbacks. */
export function asCode(program: Block): string {
  return ['await db.transaction(async (trx) => {', ...body(program, 0), '})'].join('\n')
}

function body({ steps }: Block, depth: number): string[] {
  const thrown = steps.findIndex((step) => step.do === 'fail' && !step.swallow && step.how !== 'deferred')
  const reached = thrown < 0 ? steps : steps.slice(0, thrown + 1)
  return indented(reached.flatMap((step) => code(step, depth)))
}

function code(step: Step, depth: number): string[] {
  const trx = handles[depth]!
  switch (step.do) {
    case 'insert':
      return [`await ${trx}('items').insert({ id: ${step.id} })`]
    case 'fail':
      return swallowed(failing(step.how, trx), step.swallow)
    case 'open':
      return swallowed(opening(step.blocks, depth), step.swallow)
  }
}

function failing(how: Failure, trx: string): string[] {
  switch (how) {
    case 'application':
      return ["throw new Error('changed my mind')"]
    case 'sql':
      return [`await ${trx}.raw('select 1 / 0')`]
    case 'unique':
      return [`await ${trx}.raw('insert into items values (0)') // there is one already`]
    case 'deferred':
      return [`await ${trx}('orders').insert({ item: 99 }) // refused at COMMIT`]
    case 'lost':
      return ['// Here the connection is lost.', `await ${trx}.raw('select 1')`]
  }
}

function opening(blocks: readonly Block[], depth: number): string[] {
  const scopes = blocks.map((block) => [
    `${handles[depth]}.transaction(async (${handles[depth + 1]}) => {`,
    ...body(block, depth + 1),
    '})',
  ])
  const [only] = scopes
  if (scopes.length === 1) return [`await ${only![0]}`, ...only!.slice(1)]
  const listed = scopes.flatMap((lines) => [...lines.slice(0, -1), '}),'])
  return [
    '// Waits for both, then throws what the first was rejected with.',
    'await bothOf([',
    ...indented(listed),
    '])',
  ]
}

/** A chain of calls is broken before each, where it does not fit on a line. */
function swallowed(lines: string[], swallow: boolean): string[] {
  if (!swallow) return lines
  const caught = ".catch(() => 'swallowed')"
  const [, handle, call] = /^await (\w+)(\.transaction.*)$/.exec(lines[0]!) ?? []
  if (!call) return [...lines.slice(0, -1), `${lines.at(-1)}${caught}`]
  return [`await ${handle}`, ...indented([call, ...lines.slice(1), caught])]
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
