import { type Block, type Failure, failures, type Form, forms, type Step } from './program.ts'

/** Where something fails, counted from the innermost transaction: in it, or in the one around, before or after it. */
type Place = 'before' | 'inside' | 'after'

/**
 * Who catches the failure and goes on: nobody; the failing code itself; whoever opened the transaction it happens in;
 * the root, at the end of all that happens inside it.
 */
type Swallow = 'nowhere' | 'in the scope' | 'around the scope' | 'in the root'

/** One combination; {@link programOf} makes a program of it. */
export interface Cell {
  readonly form: Form
  /** How many transactions, one inside the other; the innermost has the form, those around it are callbacks. */
  readonly depth: number
  readonly failure: Failure | 'none'
  readonly place: Place
  readonly swallow: Swallow
  /** Whether another transaction of the form is opened at the same time as the innermost one, and which of the two fails. */
  readonly siblings: 'alone' | 'first fails' | 'second fails'
  /** What whoever has swallowed the failure does next, and all around: write a row, or return at once. */
  readonly then: 'writes' | 'returns'
}

const depths = [1, 2, 3, 4]
const places: readonly Place[] = ['before', 'inside', 'after']
const swallows: readonly Swallow[] = ['nowhere', 'in the scope', 'around the scope', 'in the root']
const siblingsOf: readonly Cell['siblings'][] = ['alone', 'first fails', 'second fails']

/** Every combination that can be written down as a program of its own. */
export function everyCell(): Cell[] {
  const cells: Cell[] = []
  for (const form of forms)
    for (const depth of depths)
      for (const failure of ['none', ...failures] as const)
        for (const place of places)
          for (const swallow of swallows)
            for (const siblings of siblingsOf)
              for (const then of ['writes', 'returns'] as const) {
                const cell: Cell = { form, depth, failure, place, swallow, siblings, then }
                if (impossible.every(({ when }) => !when(cell))) cells.push(cell)
              }
  return cells
}

/** The level of the transaction in which the failure happens; the root's is 1. */
function failingLevel({ depth, place }: Cell): number {
  return place === 'inside' ? depth : depth - 1
}

/** What is left out, and why. */
const impossible: readonly { readonly why: string; readonly when: (cell: Cell) => boolean }[] = [
  {
    why: 'one cell is enough where nothing fails',
    when: ({ failure, place, swallow, siblings }) =>
      failure === 'none' && (place !== 'inside' || swallow !== 'nowhere' || siblings === 'second fails'),
  },
  {
    why: 'around a root there is no transaction for it to fail in, and none beside it',
    when: ({ depth, place, siblings }) => depth === 1 && (place !== 'inside' || siblings !== 'alone'),
  },
  {
    why: 'siblings differ only where the failure is in one of them',
    when: ({ place, siblings }) => siblings !== 'alone' && place !== 'inside',
  },
  {
    why: 'what happens in the root is swallowed there by the failing code itself, or not at all',
    when: (cell) =>
      failingLevel(cell) === 1 && (cell.swallow === 'around the scope' || cell.swallow === 'in the root'),
  },
  {
    why: 'around a scope of the root is in the root',
    when: (cell) => failingLevel(cell) === 2 && cell.swallow === 'in the root',
  },
  {
    why: 'three deep, siblings have every kind of transaction around them',
    when: ({ siblings, depth }) => siblings !== 'alone' && depth > 3,
  },
  {
    why: 'four deep, the form makes no difference that it does not make before',
    when: ({ form, depth }) => depth > 3 && form !== 'callback' && form !== 'promise',
  },
  {
    why: "three deep, a provider is a promise, savepoint() and batchInsert() are a callback's",
    when: ({ form, depth }) =>
      depth === 3 && (form === 'provider' || form === 'savepoint' || form === 'batchInsert'),
  },
  {
    why: 'a constraint that is checked at COMMIT throws nothing before',
    when: ({ failure, swallow }) => failure === 'deferred' && swallow !== 'nowhere',
  },
  {
    why: 'nothing is done next where nobody has swallowed anything',
    when: ({ swallow, then }) => swallow === 'nowhere' && then === 'returns',
  },
  {
    why: 'batchInsert() runs no code of the application, and inserts into one table',
    when: ({ form, failure, place, swallow }) =>
      form === 'batchInsert' &&
      place === 'inside' &&
      (swallow === 'in the scope' ||
        failure === 'application' ||
        failure === 'deferred' ||
        failure === 'lost'),
  },
  {
    why: 'two migrators at once refuse each other by their lock',
    when: ({ form, siblings }) => form === 'migration' && siblings !== 'alone',
  },
  {
    why: 'the migrator speaks to the database outside of its transactions too, on whichever connection there is',
    when: ({ form, failure }) => form === 'migration' && failure === 'lost',
  },
  {
    why: 'a connection is no less lost at another depth, and costs a new one',
    when: ({ failure, depth }) => failure === 'lost' && depth !== 1 && depth !== 3,
  },
]

/** As it reads in a report. */
export function nameOf({ form, depth, failure, place, swallow, siblings, then }: Cell): string {
  const beside = siblings === 'alone' ? '' : `, two at once, the ${siblings}`
  if (failure === 'none') return `${form} at depth ${depth}, nothing fails${beside}`
  const next = swallow === 'nowhere' ? '' : `, then ${then}`
  return `${form} at depth ${depth}, ${failure} ${place}, swallowed ${swallow}${next}${beside}`
}

/** Each transaction inserts a row when it begins and, unless it returns, one at its end: 11 and 19 in the root, 21 and 29 … */
export function programOf(cell: Cell): Block {
  return level(cell, 1)
}

function level(cell: Cell, at: number): Block {
  const { form, depth, place } = cell
  if (at === depth) return { form, steps: innermost(cell, at * 10) }
  const steps: Step[] = [insert(at * 10 + 1)]
  const own = at === failingLevel(cell)
  if (own && place === 'before') steps.push(...fail(cell))
  steps.push({ do: 'open', blocks: opened(cell, at + 1), swallow: swallowsAt(cell, at) })
  if (own && place === 'after') steps.push(...fail(cell))
  steps.push(...next(cell, at * 10 + 9))
  return { form: 'callback', steps }
}

function opened(cell: Cell, at: number): Block[] {
  const block = level(cell, at)
  if (cell.siblings === 'alone' || at !== cell.depth) return [block]
  const other: Block = { form: cell.form, steps: [insert(at * 10 + 5)] }
  return cell.siblings === 'first fails' ? [block, other] : [other, block]
}

function innermost(cell: Cell, base: number): Step[] {
  const failing = cell.place === 'inside' ? fail(cell) : []
  return [insert(base + 1), ...failing, ...next(cell, base + 9)]
}

/** Whether the transaction of this level catches what the one it opens is rejected with. */
function swallowsAt(cell: Cell, at: number): boolean {
  if (cell.swallow === 'in the root') return at === 1
  return cell.swallow === 'around the scope' && at === failingLevel(cell) - 1
}

function fail({ failure, swallow }: Cell): Step[] {
  return failure === 'none' ? [] : [{ do: 'fail', how: failure, swallow: swallow === 'in the scope' }]
}

function next({ then }: Cell, id: number): Step[] {
  return then === 'writes' ? [insert(id)] : []
}

function insert(id: number): Step {
  return { do: 'insert', id }
}
