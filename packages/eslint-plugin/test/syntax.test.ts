import ts from 'typescript'
import { expect, test } from 'vitest'
import { typescriptOf } from '../src/syntax/program-of.ts'

test('the TypeScript of a program is the one installed', () => {
  expect(typescriptOf(ts.createProgram([], {})).version).toBe(ts.version)
})

test('a program of another TypeScript is refused with what to do', () => {
  const program = { getSourceFiles: () => [{ kind: -1 }] } as unknown as ts.Program
  expect(() => typescriptOf(program)).toThrow(
    `loads TypeScript ${ts.version}, but the parser made its program with another`,
  )
})
