import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const endTimeoutMs = 10_000

/** Kills a process and all its children, as when the machine loses power; resolves when none of them is left. */
export async function killTree(pid: number): Promise<void> {
  // Stopped first, so that it cannot have more children meanwhile.
  signal(pid, 'SIGSTOP')
  const tree = [...(await childrenOf(pid)), pid]
  for (const each of tree) signal(each, 'SIGKILL')
  // They are nobody's children any more, so that there is no event to wait for.
  for (const until = Date.now() + endTimeoutMs; Date.now() < until;) {
    const left = await Promise.all(tree.map(isRunning))
    if (!left.includes(true)) return
    await delay(2)
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

async function childrenOf(parent: number): Promise<number[]> {
  const table = process.platform === 'linux' ? await fromProc() : await fromPs()
  return table.filter(([, ppid]) => ppid === parent).map(([pid]) => pid)
}

/** Slim containers have no `ps`. */
async function fromProc(): Promise<[pid: number, parent: number][]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  return Promise.all(pids.map(async (pid) => [pid, Number((await stat(pid))[1])]))
}

async function fromPs(): Promise<[pid: number, parent: number][]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
}

/** Where nobody collects orphans soon, as in many containers, an ended process still has its number. */
async function isRunning(pid: number): Promise<boolean> {
  if (!signal(pid, 0)) return false
  return process.platform !== 'linux' || !['Z', undefined].includes((await stat(pid))[0])
}

/** State, parent and so on: what stands behind the program's name, which may hold anything. */
async function stat(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .filter((word) => word !== '')
}
