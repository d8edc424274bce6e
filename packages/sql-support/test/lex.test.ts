import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lex } from '../src/text/lex.ts'

const cut = (sql: string) => lex(sql).map(({ kind, start, end }) => [kind, sql.slice(start, end)])

describe('lex', () => {
  it('keeps apart what PostgreSQL keeps apart', () => {
    expect(cut(`a.B "c""d" 'e''f' E'g\\'h' U&"i" $1 $$j$$ $k$l$$m$k$ 1.5e3 -- n\n/* o /* p */ */ q`)).toEqual(
      [
        ['word', 'a'],
        ['symbol', '.'],
        ['word', 'B'],
        ['quoted', '"c""d"'],
        ['string', "'e''f'"],
        ['string', "E'g\\'h'"],
        ['quoted', 'U&"i"'],
        ['parameter', '$1'],
        ['dollar-string', '$$j$$'],
        ['dollar-string', '$k$l$$m$k$'],
        ['number', '1.5e3'],
        ['comment', '-- n'],
        ['comment', '/* o /* p */ */'],
        ['word', 'q'],
      ],
    )
  })

  it('takes a backslash in an ordinary string for a letter', () => {
    expect(cut(`'a\\' b`)).toEqual([
      ['string', `'a\\'`],
      ['word', 'b'],
    ])
  })

  it('counts a no-break space as part of a word, as PostgreSQL does', () => {
    expect(cut('a\u00a0b c')).toEqual([
      ['word', 'a\u00a0b'],
      ['word', 'c'],
    ])
  })

  it.each(["'a", '"a', '$$a', '$x$ a $y$', '/* a /* b */', "E'a\\"])('lets %j run to the end', (sql) => {
    expect(cut(sql)).toHaveLength(1)
  })

  it('covers every text in order, leaving out blanks only', () => {
    const pieces = fc.constantFrom(
      "'",
      '"',
      '$',
      '$a$',
      '\\',
      '--',
      '/*',
      '*/',
      'E',
      'é',
      ' ',
      '\n',
      '?',
      ':',
      '1',
      '😀',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const sql = parts.join('')
        let at = 0
        for (const { start, end } of lex(sql)) {
          expect(sql.slice(at, start)).toMatch(/^[ \t\n\r\f\v]*$/)
          expect(end).toBeGreaterThan(start)
          at = end
        }
        expect(sql.slice(at)).toMatch(/^[ \t\n\r\f\v]*$/)
      }),
    )
  })
})
