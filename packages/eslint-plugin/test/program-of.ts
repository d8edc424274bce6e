import { join } from 'node:path'
import ts from 'typescript'

const parsed = new Map<string, ts.SourceFile>()

/**
 * A program of texts by path, which are on no disk; what they import and nobody wrote out is looked for on the disk. `roots` are
 * those that it is made of; the others are there to be imported.
 */
export function programOf(
  texts: ReadonlyMap<string, string>,
  options: ts.CompilerOptions,
  roots: readonly string[] = [...texts.keys()],
): ts.Program {
  const host = ts.createCompilerHost(options)
  const read = host.readFile.bind(host)
  const fileExists = host.fileExists.bind(host)
  const directoryExists = host.directoryExists?.bind(host)
  const folders = new Set([...texts.keys()].flatMap(foldersOf))
  host.readFile = (path) => texts.get(path) ?? read(path)
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.directoryExists = (path) => folders.has(path) || directoryExists?.(path) === true
  host.getSourceFile = (path, language) => {
    const text = host.readFile(path)
    if (text === undefined) return undefined
    const known = parsed.get(path)
    // A file belongs to the options that it was parsed with.
    if (known?.text === text && typeof language === 'object' && isSame(known, language)) return known
    const made = ts.createSourceFile(path, text, language, true)
    parsed.set(path, made)
    return made
  }
  return ts.createProgram(roots, options, host)
}

function isSame(
  known: ts.SourceFile,
  { languageVersion, impliedNodeFormat }: ts.CreateSourceFileOptions,
): boolean {
  return known.languageVersion === languageVersion && known.impliedNodeFormat === impliedNodeFormat
}

function foldersOf(path: string): string[] {
  return [...path.matchAll(/\//gu)].map(({ index }) => path.slice(0, index)).filter((folder) => folder !== '')
}

/** What TypeScript has against a file of a program. */
export function typeErrorsOf(program: ts.Program, path: string): string[] {
  const file = program.getSourceFile(path)!
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'),
  )
}

/** What the tsconfig of a folder says, for texts of which each is a module and which find knex-flatten's own types. */
export function optionsOf(folder: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  const own = join(import.meta.dirname, '../../knex-flatten/src/index.ts')
  return { ...options, moduleDetection: ts.ModuleDetectionKind.Force, paths: { 'knex-flatten': [own] } }
}
