import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Why git could not give back what is overwritten; `undefined` where it could. */
export async function whyNotSafe(cwd: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['status', '--porcelain'], { cwd })
    return stdout === '' ? undefined : 'git has uncommitted changes here: commit or stash them'
  } catch {
    return 'this is not a git repository, so nothing could give the files back'
  }
}
