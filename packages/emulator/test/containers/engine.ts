import { getContainerRuntimeClient, ImageName, type ContainerRuntimeClient } from 'testcontainers'
import type { ContainerPairOptions } from '../../src/testcontainers.ts'

const { FORWARDING_READER_TEST_IMAGE: image = 'postgres:16', FORWARDING_READER_TEST_IMAGE_BIN: pgBin } =
  process.env

const skipped = (which: string, why: string): undefined => {
  console.warn(`SKIPPED: the tests ${which}, because ${why}`)
}

/** The engine that answers here, and the image to test with; undefined where there is none, which is said. */
export async function findContainers(): Promise<{
  readonly engine?: ContainerRuntimeClient
  readonly image?: ContainerPairOptions | undefined
}> {
  try {
    const engine = await getContainerRuntimeClient()
    skipped('without a container engine', 'one answers')
    if (await engine.image.exists(ImageName.fromString(image))) return { engine, image: { image, pgBin } }
    skipped(
      'of servers in containers',
      `the engine has no image ${image} (docker pull it, or name one that it has in FORWARDING_READER_TEST_IMAGE)`,
    )
    return { engine }
  } catch (error) {
    skipped('of servers in containers', `no container engine answers (${(error as Error).message})`)
    return {}
  }
}
