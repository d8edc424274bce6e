import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readServerUrl } from '../../src/attach/server-url.ts'

describe('readServerUrl', () => {
  it('reads who, where and how', () => {
    expect(readServerUrl('postgres://app:s%40crt@db.example:6432/shop?sslmode=require')).toEqual({
      address: {
        host: 'db.example',
        port: 6432,
        user: 'app',
        password: 's@crt',
        tls: { mode: 'require', ca: undefined, cert: undefined, key: undefined },
      },
      database: 'shop',
    })
  })

  it('encrypts where the server offers it unless told otherwise, and names the database after the user', () => {
    const { address, database } = readServerUrl('postgresql://app@[::1]')
    expect(address).toMatchObject({ host: '::1', port: 5432, user: 'app', tls: { mode: 'prefer' } })
    expect(database).toBe('app')
    expect(readServerUrl('postgres://app@h/d?sslmode=disable').address.tls).toBeUndefined()
    expect(readServerUrl('postgres://app@h/d?sslmode=verify-full').address.tls?.mode).toBe('verify-full')
  })

  it('checks the certificate wherever it is told whom to believe, and takes allow for prefer', () => {
    const ca = fileURLToPath(new URL('../endpoint/certificates/ca.pem', import.meta.url))
    const { tls } = readServerUrl(`postgres://app@h/d?sslmode=require&sslrootcert=${ca}`).address
    expect(tls).toMatchObject({ mode: 'verify-ca', ca: expect.stringContaining('BEGIN CERTIFICATE') })
    expect(readServerUrl('postgres://app@h/d?sslmode=allow').address.tls?.mode).toBe('prefer')
  })

  it.each([
    ['http://db', 'is no postgres:// URL'],
    ['postgres:///shop', 'names no host'],
    ['postgres://db/shop', 'names no user'],
    ['postgres://app@db:0/shop', 'has port 0'],
    ['postgres://app:secret@db/shop?sslmode=maybe', 'has sslmode=maybe, not one of disable, allow,'],
    ['postgres://app:secret@db:x/shop', 'cannot be read'],
    ['postgres://app:secret@db/shop?sslrootcert=/nowhere', 'cannot be read'],
  ])('refuses %s without repeating the password', (url, message) => {
    const refusal = expect.objectContaining({ message: expect.stringContaining(message) })
    expect(() => readServerUrl(url)).toThrow(refusal)
    expect(() => readServerUrl(url)).not.toThrow('secret')
  })
})
