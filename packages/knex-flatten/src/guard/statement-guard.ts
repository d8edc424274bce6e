import {
  classifyKnex,
  resolveProfile,
  type AwsProfile,
  type ForwardingProfile,
  type ResolvedProfile,
} from '@knex-flatten/sql-support'
import { LRUCache } from 'lru-cache'
import { type Objection, refusalIn } from './objection.ts'

const MAX_TEXTS = 5_000
const MAX_CHARACTERS = 8 * 1024 * 1024

/** Judges statements by the support table, each text once: asking again costs a look into a map. */
export class StatementGuard {
  readonly profile: ResolvedProfile
  readonly #profile: AwsProfile | ForwardingProfile
  readonly #seen = new LRUCache<string, { readonly objection: Objection | undefined }>({
    max: MAX_TEXTS,
    maxSize: MAX_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS / 16,
    sizeCalculation: (_seen, sql) => sql.length + 1,
  })

  /** @throws TypeError where the profile is not valid. */
  constructor(profile: AwsProfile | ForwardingProfile) {
    this.#profile = profile
    this.profile = resolveProfile(profile)
  }

  /** What keeps a text, as Knex takes it, from running on a forwarding reader; `undefined` for what runs there or is forwarded. */
  objectionTo(sql: string): Objection | undefined {
    const known = this.#seen.get(sql)
    if (known) return known.objection
    const objection = refusalIn(classifyKnex(sql), sql, this.#profile)
    this.#seen.set(sql, { objection })
    return objection
  }

  /** The same for a text whose rows are fetched in parts, as `.stream()` does. */
  objectionToStream(sql: string): Objection | undefined {
    const refusal = this.objectionTo(sql)
    if (refusal) return refusal
    const { verdict, known } = this.profile.verdicts['portal-fetch']
    const isKnown = known === 'documented' || known === 'measured'
    if (verdict !== 'refuse' && isKnown) return undefined
    return { rule: 'portal-fetch', how: verdict === 'refuse' ? 'refuse' : 'unsure', words: '.stream()', sql }
  }
}
