import { beforeEach, describe, expect, it } from 'vitest'
import {
  bind,
  copyData,
  copyDone,
  execute,
  flush,
  parse,
  query,
  shape,
  sync,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { itemCount, itemTable, tenItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({
  once: itemTable,
  each: tenItems,
  // COPY is let through here to see that its stream does not wedge a session.
  profile: {
    name: 'copying',
    extends: 'aws-local',
    verdicts: { copy: { verdict: 'forward', known: 'assumed' } },
  },
})
let client: RawClient
beforeEach(async () => {
  client = await rig.raw()
})

const count = () => itemCount(rig)

describe('COPY, where a profile forwards it', () => {
  it('takes the client’s rows and gives rows back', async () => {
    expect(await client.ask([query('COPY item FROM STDIN')], 'G')).toBe('G')
    expect(await client.ask([copyData('11\ta\n'), copyData('12\tb\n'), copyDone])).toBe('C Z(I)')
    expect(await client.ask([query('COPY item TO STDOUT')])).toMatch(/^H (d ){12}c C Z\(I\)$/)
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })

  it('takes rows that were sent before they were asked for', async () => {
    expect(await client.ask([query('COPY item FROM STDIN'), copyData('11\ta\n'), copyDone])).toBe('G C Z(I)')
    const copy = [parse('COPY item FROM STDIN'), bind(), execute(), sync]
    expect(await client.ask([...copy, copyData('12\ta\n'), copyDone, sync])).toBe('1 2 G C Z(I)')
    expect(await client.ask([parse('COPY item FROM STDIN'), bind(), execute(), flush], 'G')).toBe('1 2 G')
    expect(await client.ask([copyData('13\ta\n'), copyDone], 'C')).toBe('C')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await count()).toBe(13)
  })

  it.each([
    ['data that no row can be made of', 'no number\n', '22P02'],
    ['a row that is there already', '1\ta\n', '23505'],
  ])('tells the forwarded text with an error: %s', async (_, data, sqlstate) => {
    const text = 'COPY item FROM STDIN'
    const extended = [parse(text), bind(), execute(), sync]
    for (const messages of [[query(text)], extended]) {
      await client.ask(messages, 'G')
      client.send(copyData(data), copyDone, ...(messages === extended ? [sync] : []))
      const answers = await client.until('Z')
      expect(shape(answers)).toBe(`E(${sqlstate}) Z(I)`)
      const error = answers.find(({ type }) => type === 'E')!.bytes.toString('latin1')
      expect(error).toMatch(/COPY item, line 1.*\nWriteForward command: COPY item FROM STDIN\0/)
    }
    expect(await count()).toBe(10)
  })

  it('ignores the rest of a stream that has failed', async () => {
    await client.ask([query('COPY item FROM STDIN')], 'G')
    expect(await client.ask([copyData('no number\n'), copyData('12\tb\n'), copyDone])).toBe('E(22P02) Z(I)')
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })
})
