import { readFileSync } from 'node:fs'

/** For `localhost` and 127.0.0.1, and made for these tests alone. */
export const certificate = (name: string): string =>
  readFileSync(new URL(`certificates/${name}.pem`, import.meta.url), 'utf8')

export const ca = certificate('ca')
export const tls = {
  cert: certificate('server'),
  key: readFileSync(new URL('certificates/server.key', import.meta.url), 'utf8'),
}
