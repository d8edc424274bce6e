import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { framed } from '../../src/wire/build.ts'
import { FrontendFramer, ProtocolViolation, type Message } from '../../src/wire/frontend-framer.ts'

const messages = fc.array(
  fc
    .tuple(fc.constantFrom(...Array.from('QPBDECHSFXdcfp')), fc.uint8Array({ maxLength: 200 }))
    .map(([type, body]) => framed(type.charCodeAt(0), Buffer.from(body))),
  { maxLength: 20 },
)

describe('FrontendFramer', () => {
  it('finds the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent)
        const framer = new FrontendFramer()
        const got: Message[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const next = at + cuts[turn % cuts.length]!
          framer.push(bytes.subarray(at, next), (message) => got.push(message))
          at = next
        }
        expect(got.map(({ bytes: each }) => each)).toEqual(sent)
        expect(got.every(({ type, bytes: each }) => each[0] === type)).toBe(true)
      }),
    )
  })

  it('answers any other bytes with a ProtocolViolation and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        const framer = new FrontendFramer()
        try {
          for (const chunk of chunks) framer.push(Buffer.from(chunk), () => undefined)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation)
        }
      }),
    )
  })

  it.each([
    ...Array.from('QPBFd', (type) => [type, 0x3ffffffe] as const),
    ...Array.from('DECHSXcfp', (type) => [type, 10_000] as const),
  ])('takes a message of type %s for one of 4 to %i bytes, as PostgreSQL does', (type, most) => {
    const claims = (length: number) => {
      const head = Buffer.from(`${type}....`)
      head.writeInt32BE(length, 1)
      return () => new FrontendFramer().push(head, () => undefined)
    }
    for (const length of [4, most]) expect(claims(length)).not.toThrow()
    for (const length of [-1, 3, most + 1, 0x7fffffff]) expect(claims(length)).toThrow(ProtocolViolation)
  })

  it('hands over a message that came whole as a view of what came', () => {
    const bytes = framed('Q'.charCodeAt(0), Buffer.from('SELECT 1\0'))
    new FrontendFramer().push(bytes, (message) => expect(message.bytes.buffer).toBe(bytes.buffer))
  })

  it('holds no more than what came, whatever length was claimed', () => {
    const framer = new FrontendFramer()
    framer.push(Buffer.from([0x51, 0x3f, 0xff, 0xff, 0xf0, 1, 2, 3]), () => expect.unreachable())
    expect(framer.held).toBe(8)
  })
})
