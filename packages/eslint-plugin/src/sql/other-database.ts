import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import { importsOf } from '../syntax/imports-of.ts'
import { programOf } from '../syntax/program-of.ts'

const names = 'mysql|mysql2|mariadb|sqlite3|better-sqlite3|sql\\.js|@libsql|mssql|tedious|oracledb'
const otherDriver = new RegExp(`^(?:${names})(?:/|$)`, 'u')
const otherDriverFile = new RegExp(`/node_modules/(?:@types/)?(?:${names})/`, 'u')
const ownDriver = /^(?:pg|knex|postgres|objection)(?:[-/]|$)/u

/** Whether SQL given to `receiver` goes to a database other than PostgreSQL: by its type, else by the file's imports. */
export function isOtherDatabase(
  source: Readonly<TSESLint.SourceCode>,
  receiver: TSESTree.Node | undefined,
): boolean {
  const services = programOf(source)
  if (services === undefined || receiver === undefined) {
    const imports = importsOf(source.ast)
    return imports.some((name) => otherDriver.test(name)) && !imports.some((name) => ownDriver.test(name))
  }
  const declarations = services.getTypeAtLocation(receiver).getSymbol()?.declarations ?? []
  return declarations.some((declaration) => otherDriverFile.test(declaration.getSourceFile().fileName))
}
