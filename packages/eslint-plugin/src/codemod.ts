import { run } from './codemod/run.ts'

// Typed linting would otherwise read each file once, from the disk, where CI is set.
process.env['TSESTREE_SINGLE_RUN'] = 'false'
process.exitCode = await run(process.argv.slice(2), {
  cwd: process.cwd(),
  print: (text) => process.stdout.write(`${text}\n`),
  warn: (text) => process.stderr.write(`${text}\n`),
})
