import type { Assumption } from '../assumptions/assumptions.ts'

/** Everything that is assumed, for a person; what was chosen stands in brackets. */
export function showAssumptions(
  list: readonly Assumption[],
  chosen: Readonly<Record<string, string>>,
): string {
  const width = Math.max(...list.map(({ id }) => id.length))
  const blocks = list.map(({ id, title, values, default: usual, unknown, source }) => {
    const value = chosen[id] ?? usual
    const shown = values.includes(value) ? values : [value, ...values]
    const choices = shown.map((each) => (each === value ? `[${each}]` : each)).join(' ')
    const indent = ' '.repeat(width + 2)
    const words = wrap(`${title}. ${unknown}`, 110 - indent.length)
    return [`${id.padEnd(width)}  ${choices}`, ...words.map((line) => indent + line), indent + source].join(
      '\n',
    )
  })
  return `${blocks.join('\n\n')}\n`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
