import { join } from 'node:path'
import ts from 'typescript'
import { fixtures } from '../lint.ts'

/** What TypeScript has against each text, as a file of the fixtures. */
export function typeErrorsOf(texts: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(fixtures, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, fixtures)
  options.paths = { 'knex-flatten': [join(fixtures, '../../../knex-flatten/src/index.ts')] }
  const files = new Map(texts.map((text, index) => [join(fixtures, `suggested-${index}.ts`), text]))
  const host = ts.createCompilerHost(options)
  const fileExists = host.fileExists.bind(host)
  const getSourceFile = host.getSourceFile.bind(host)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.getSourceFile = (path, language, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? getSourceFile(path, language, ...rest)
      : ts.createSourceFile(path, text, language)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(
      ({ messageText }) => `${ts.flattenDiagnosticMessageText(messageText, '\n')} in\n${files.get(path)!}`,
    )
  })
}
