// Ends a run's servers and removes its data folder when the process that started them ends, in whatever way: the pipe on
// standard input closes even after SIGKILL. Plain JavaScript on its own, so that it runs from the sources too.
//
//   node watchdog.js <data folder>      standard input: lines "+<pid>" and "-<pid>" for servers started and ended
//
// Exit code 0 when nothing is left.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const folder = process.argv[2]
if (!folder || !basename(folder).startsWith('forwarding-reader-')) {
  process.stderr.write('watchdog.js is started by the emulator itself, with the data folder of a run\n')
  process.exit(2)
}

// A service manager signals every process of a group at once; the pipe tells us when it is our turn.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)

// Says "in use" to whoever looks for folders that killed runs left behind. A long TMPDIR may not allow a socket.
const signOfLife = createServer((socket) => socket.on('error', () => undefined).resume())
signOfLife.on('error', () => undefined)
if (existsSync(folder)) {
  rmSync(join(folder, 'alive'), { force: true })
  signOfLife.listen(join(folder, 'alive'))
}

const running = new Set()
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line.startsWith('+')) running.add(pid)
  else running.delete(pid)
}

const signal = (pid, name) => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

// Where nobody collects orphans soon, as in many containers, an ended process still has its number.
const isZombie = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch {
    return false
  }
}

const ended = async (timeoutMs) => {
  for (const until = Date.now() + timeoutMs; Date.now() < until; await delay(5)) {
    for (const pid of running) if (!signal(pid, 0) || isZombie(pid)) running.delete(pid)
    if (running.size === 0) return
  }
}

// SIGQUIT is PostgreSQL's immediate shutdown: the data is about to be removed, there is nothing to write down.
for (const pid of running) signal(pid, 'SIGQUIT')
// One that was stopped, to be killed in peace or by somebody's hand, hears of it when it goes on.
for (const pid of running) signal(pid, 'SIGCONT')
await ended(6000)
for (const pid of running) signal(pid, 'SIGKILL')
await ended(1000)

await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }).catch(() => undefined)
process.exit(existsSync(folder) ? 1 : 0)
