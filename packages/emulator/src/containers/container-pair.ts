import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { GenericContainer, StartedNetwork, StartedTestContainer } from 'testcontainers'
import { database, superuser } from '../postgres/cluster.ts'
import { rowArrives } from '../postgres/replication.ts'
import type { ServerAddress } from '../servers.ts'
import {
  containerError,
  findEngine,
  logOfEnded,
  removeLabelled,
  type ContainerEngine,
} from './container-engine.ts'
import { checkContainerOptions, type ContainerPairOptions } from './container-options.ts'
import { containerPort, readyMessage, serverEnvironment, serverScript } from './server-script.ts'

/** A primary and its standby, each in a container. */
export interface ContainerPair {
  /** As seen from this machine, with the superuser `postgres` and its password. */
  readonly primaryUrl: string
  readonly standbyUrl: string
  /** Removes both containers and their network. Safe to call twice. */
  stop(): Promise<void>
}

const labelName = 'forwarding-reader.pair'
const replicationTimeoutMs = 30_000
const sharedMemoryBytes = 256 * 1024 * 1024
const keptLogLines = 20

/**
 * Starts a primary and a standby that streams from it in containers, by testcontainers, for a forwarding reader to stand in
 * front of. If this process ends without {@link ContainerPair.stop}, testcontainers' own reaper removes them.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS`, or `EMULATOR_CONTAINERS` if no engine answers or a server does not come up;
 * nothing is left running then
 *
 * @example
 * const { primaryUrl, standbyUrl, stop } = await startContainerPair({ image: 'postgres:17' })
 * const reader = await startForwardingReader({ primaryUrl, standbyUrl, allowReset: true })
 */
export async function startContainerPair(options: ContainerPairOptions = {}): Promise<ContainerPair> {
  checkContainerOptions(options)
  const engine = await findEngine()
  const report = options.onProgress ?? (() => undefined)
  const password = options.password ?? randomBytes(18).toString('base64url')
  const pairId = randomBytes(8).toString('hex')
  const label = `${labelName}=${pairId}`
  let network: StartedNetwork | undefined
  const removeAll = async (): Promise<void> => {
    await removeLabelled(engine, label)
    await network?.stop()
  }
  const image = options.image ?? 'postgres:16'
  const run = (name: 'primary' | 'standby', primaryHost?: string): Promise<StartedTestContainer> => {
    report(`Starting the ${name} from ${image}`)
    const server = new engine.GenericContainer(image)
      .withNetwork(network!)
      .withLabels({ [labelName]: pairId })
      .withUser(options.user ?? 'postgres')
      .withEnvironment(serverEnvironment(password, { pgBin: options.pgBin, primaryHost }))
    return startServer(engine, name, server, label)
  }
  try {
    network = await new engine.Network().start()
    const primary = await run('primary')
    const standby = await run('standby', primary.getIpAddress(network.getName()))
    const pair = { primary: addressOf(primary, password), standby: addressOf(standby, password) }
    report('Waiting for the first row to reach the standby')
    if (!(await rowArrives(pair, replicationTimeoutMs)))
      throw new Error(
        `a row written on the primary did not reach the standby within ${replicationTimeoutMs / 1000} s`,
      )
    let stopping: Promise<void> | undefined
    return {
      primaryUrl: urlOf(pair.primary),
      standbyUrl: urlOf(pair.standby),
      stop: () => (stopping ??= removeAll()),
    }
  } catch (error) {
    // What is left, if anything, matters less than why.
    await removeAll().catch(() => undefined)
    const why = (error as Error).message
    throw containerError(`The servers did not come up from image ${image}: ${why}`, error)
  }
}

async function startServer(
  engine: ContainerEngine,
  name: string,
  server: GenericContainer,
  label: string,
): Promise<StartedTestContainer> {
  const logged: string[] = []
  server
    .withEntrypoint(['/bin/sh', '-c', serverScript])
    .withExposedPorts(containerPort)
    .withSharedMemorySize(sharedMemoryBytes)
    .withLogConsumer((stream) => {
      createInterface({ input: stream }).on('line', (line) => {
        logged.push(line)
        if (logged.length > keptLogLines) logged.shift()
      })
    })
    .withWaitStrategy(engine.Wait.forLogMessage(readyMessage))
  return server.start().catch(async (error: unknown) => {
    // One that ends at once is not listened to; testcontainers leaves it where it is.
    const said = logged.length > 0 ? logged : await logOfEnded(engine, label, keptLogLines).catch(() => [])
    const log = said.length > 0 ? `\nThe ${name}'s log ends with:\n${said.join('\n')}` : ''
    throw new Error(`${(error as Error).message}${log}`, { cause: error })
  })
}

const addressOf = (container: StartedTestContainer, password: string): ServerAddress => ({
  host: container.getHost(),
  port: container.getMappedPort(containerPort),
  user: superuser,
  password,
})

const urlOf = ({ host, port, password }: ServerAddress): string =>
  `postgres://${superuser}:${encodeURIComponent(password!)}@${host}:${port}/${database}`
