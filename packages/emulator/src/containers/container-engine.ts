import type { ContainerRuntimeClient, GenericContainer, Network, Wait } from 'testcontainers'
import { createInterface } from 'node:readline'
import { EmulatorError } from '../emulator-error.ts'

/** What we use of testcontainers. */
export interface ContainerEngine {
  readonly GenericContainer: typeof GenericContainer
  readonly Network: typeof Network
  readonly Wait: typeof Wait
  readonly runtime: ContainerRuntimeClient
}

/**
 * Loads testcontainers, which finds the machine's container engine.
 *
 * @throws EmulatorError `EMULATOR_CONTAINERS` if the package is not installed, or no engine answers
 */
export async function findEngine(): Promise<ContainerEngine> {
  const loaded = await import('testcontainers').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw containerError('It needs another package: npm install --save-dev testcontainers', error)
  })
  const runtime = await loaded.getContainerRuntimeClient().catch((error: unknown) => {
    throw containerError(
      `No container engine answers (${(error as Error).message}). Does Docker, or what you use in its place, run, and may ` +
        `this user use it? Where it listens elsewhere, say so in DOCKER_HOST.`,
      error,
    )
  })
  return { ...loaded, runtime }
}

/** Removes all containers that have a label, also those that were created and could not be started. */
export async function removeLabelled({ runtime }: ContainerEngine, label: string): Promise<void> {
  const { dockerode } = runtime.container
  const found = await dockerode.listContainers({ all: true, filters: { label: [label] } })
  await Promise.all(found.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true })))
}

/** The last lines of what the containers with a label have logged that have ended and are still there. */
export async function logOfEnded(
  { runtime }: ContainerEngine,
  label: string,
  lines: number,
): Promise<string[]> {
  const { dockerode } = runtime.container
  const filters = { label: [label], status: ['exited'] }
  const logged: string[] = []
  for (const { Id } of await dockerode.listContainers({ all: true, filters })) {
    const log = await runtime.container.logs(dockerode.getContainer(Id), { tail: lines })
    for await (const line of createInterface({ input: log })) logged.push(line)
  }
  return logged
}

export const containerError = (message: string, cause?: unknown): EmulatorError =>
  new EmulatorError('EMULATOR_CONTAINERS', message, { cause })
