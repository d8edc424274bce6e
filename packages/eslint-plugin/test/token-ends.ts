import ts from 'typescript'

/** Where a text may be cut: between any two of its tokens. */
export function tokenEnds(code: string): number[] {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, false, ts.LanguageVariant.Standard, code)
  const ends = [0]
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) ends.push(scanner.getTokenEnd())
  return ends
}
