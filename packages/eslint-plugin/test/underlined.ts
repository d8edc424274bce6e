/** Where an error must stand, as `‹` and `›` around words of the code mark it, and the code without them. */
export function underlined(marked: string): {
  code: string
  place: { line: number; column: number; endLine: number; endColumn: number }
} {
  const plain = (text: string) => text.replaceAll(/[‹›]/gu, '')
  const position = (mark: string) => {
    const lines = plain(marked.slice(0, marked.indexOf(mark))).split('\n')
    return { line: lines.length, column: lines.at(-1)!.length + 1 }
  }
  const [start, end] = [position('‹'), position('›')]
  return { code: plain(marked), place: { ...start, endLine: end.line, endColumn: end.column } }
}
