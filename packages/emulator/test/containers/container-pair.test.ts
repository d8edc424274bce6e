import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { startForwardingReader } from '../../src/index.ts'
import { startContainerPair, type ContainerPairOptions } from '../../src/testcontainers.ts'
import { findContainers } from './engine.ts'

const { engine, image } = await findContainers()

const query = async (url: string, sql: string): Promise<any[]> => {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<any>(sql)).rows
  } finally {
    await client.end()
  }
}

const containersAndNetworks = async (): Promise<string[]> => {
  const { dockerode } = engine!.container
  const found = await Promise.all([dockerode.listContainers({ all: true }), dockerode.listNetworks()])
  return found
    .flat()
    .map(({ Id }) => Id)
    .sort()
}

describe.skipIf(image === undefined)('a primary and a standby in containers', () => {
  it('carry a reader that forwards, lags on demand and is put back, and are gone after stop', async () => {
    const before = await containersAndNetworks()
    const steps: string[] = []
    const pair = await startContainerPair({ ...image, onProgress: (step) => steps.push(step) })
    const { primaryUrl, standbyUrl } = pair
    const reader = await startForwardingReader({ primaryUrl, standbyUrl, allowReset: true })
    try {
      await query(primaryUrl, 'CREATE TABLE item (id int)')
      await reader.lag.caughtUp()
      await reader.snapshot()
      await query(reader.readerUrl, 'INSERT INTO item VALUES (7)')
      expect(await query(reader.readerUrl, 'SELECT id, pg_is_in_recovery() AS standby FROM item')).toEqual([
        { id: 7, standby: true },
      ])
      expect(reader.crossings().total).toBe(1)
      await reader.lag.pause()
      await query(primaryUrl, 'INSERT INTO item VALUES (8)')
      expect(await query(standbyUrl, 'SELECT id FROM item')).toEqual([{ id: 7 }])
      await reader.reset()
      expect(await query(standbyUrl, 'SELECT id FROM item')).toEqual([])
    } finally {
      await reader.stop()
      await Promise.all([pair.stop(), pair.stop()])
    }
    expect(await containersAndNetworks()).toEqual(before)
    expect(steps).toHaveLength(3)
  })

  it('ask for the password that was wanted', async () => {
    const password = `Ⅸ: 50% "of" 'it' \\ $x`
    const pair = await startContainerPair({ ...image, password })
    try {
      const wrong = new URL(pair.standbyUrl)
      wrong.password = 'wrong'
      await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      const asked = 'SELECT pg_is_in_recovery() AS standby'
      expect(await query(pair.standbyUrl, asked)).toEqual([{ standby: true }])
    } finally {
      await pair.stop()
    }
  })

  it.each<[string, ContainerPairOptions, RegExp]>([
    ['the image knows no such user', { user: 'stranger' }, /: .*stranger/],
    [
      'pgBin is no such folder',
      { pgBin: '/nowhere' },
      /log ends with:\nthere is no program postgres in \/nowhere/,
    ],
    ['a server does not start', { user: 'root' }, /The primary's log ends with:\n.*root/s],
  ])('leave nothing where %s, and say so', async (_, options, why) => {
    const before = await containersAndNetworks()
    await expect(startContainerPair({ ...image, ...options })).rejects.toMatchObject({
      code: 'EMULATOR_CONTAINERS',
      message: expect.stringMatching(why),
    })
    expect(await containersAndNetworks()).toEqual(before)
  })
})

describe.skipIf(engine !== undefined)('without a container engine', () => {
  it('it is said that none answers', async () => {
    await expect(startContainerPair()).rejects.toMatchObject({
      code: 'EMULATOR_CONTAINERS',
      message: expect.stringMatching(/^No container engine answers.*DOCKER_HOST/s),
    })
  })
})

describe('an option of a pair in containers', () => {
  it.each<[string, object, RegExp]>([
    ['does not exist', { tag: '16' }, /no option 'tag'. Allowed: image, pgBin/],
    ['is of a wrong kind', { image: 16 }, /'image' is 16; allowed: the name of an image/],
    ['is a password', { password: ' ' }, /^Option 'password' is wrong; allowed: a text that is not empty/],
  ])('that %s is refused by name', async (_, options, message) => {
    await expect(startContainerPair(options)).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringMatching(message),
    })
  })
})
