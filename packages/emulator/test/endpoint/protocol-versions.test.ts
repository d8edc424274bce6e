import { describe, expect, it } from 'vitest'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { errorIn, query, RawClient, shape } from './raw-client.ts'
import { useRig } from './rig.ts'

const rig = useRig()

/** What is answered to a client that asks for a minor version, and for extensions. */
async function greeting(minor: number, options: readonly string[] = []) {
  const client = new RawClient(rig.endpoint)
  const parameters = [['user', 'postgres'], ...options.map((name) => [name, 'x'])] as [string, string][]
  const startup = startupMessage(new Map(parameters))
  startup.writeInt16BE(minor, 6)
  client.send(startup)
  const answers = await client.until('Z')
  const works = await client.ask([query('SELECT 1')])
  client.destroy()
  const told = answers.find(({ type }) => type === 'v')?.bytes
  return {
    shape: shape(answers),
    works: works === 'T D C Z(I)',
    version: told && `${told.readInt16BE(5)}.${told.readInt16BE(7)}`,
    unknown: told?.toString('latin1', 13).split('\0').slice(0, told.readInt32BE(9)),
  }
}

describe('the version of the protocol', () => {
  it.each([0, 1, 2])(
    'is 3.%i where the client asks for that, and nothing is said about it',
    async (minor) => {
      expect(await greeting(minor)).toMatchObject({ shape: 'R K Z(I)', works: true })
    },
  )

  it.each([3, 9999])('is 3.2 where the client asks for 3.%i, and it is told so first', async (minor) => {
    const told = { shape: 'v R K Z(I)', version: '3.2', unknown: [], works: true }
    expect(await greeting(minor)).toEqual(told)
  })

  it('is named together with the extensions that are not known', async () => {
    expect(await greeting(0, ['_pq_.one', '_pq_.two'])).toEqual({
      shape: 'v R K Z(I)',
      version: '3.0',
      unknown: ['_pq_.one', '_pq_.two'],
      works: true,
    })
  })

  it('is negotiated before the session fails for another reason', async () => {
    const client = new RawClient(rig.endpoint)
    const startup = startupMessage(
      new Map([
        ['user', 'postgres'],
        ['database', 'nowhere'],
      ]),
    )
    startup.writeInt16BE(9, 6)
    client.send(startup)
    expect(shape(await client.ended())).toBe('v E(3D000)')
  })

  it.each([
    ['2.0', [0, 2, 0, 0]],
    ['4.0', [0, 4, 0, 0]],
  ])('is not %s', async (version, code) => {
    const client = new RawClient(rig.endpoint)
    client.send(Buffer.from([0, 0, 0, 8, ...code]))
    expect(errorIn(await client.ended())).toEqual({
      sqlstate: '0A000',
      text: `unsupported frontend protocol ${version}: server supports 3.0 to 3.2`,
    })
  })
})
