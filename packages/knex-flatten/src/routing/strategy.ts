import {
  classifyKnex,
  judge,
  resolveProfile,
  type AwsProfile,
  type ForwardingProfile,
  type Statement,
} from '@knex-flatten/sql-support'
import { LRUCache } from 'lru-cache'
import type { RouteChoice } from './choice.ts'

/**
 * How writes reach the writer.
 *
 * - `'forward'`: the reader's session carries them; what it cannot carry is refused;
 * - `'writer'`: they go to the writer's pool, as on any cluster without forwarding;
 * - `'auto'`: the reader's session carries what it can, the writer's pool takes the rest.
 */
export type Writes = 'forward' | 'writer' | 'auto'

/** What a root transaction asks for, as far as it decides where it runs. */
export interface RootTraits {
  readonly readOnly?: boolean | undefined
  readonly isolationLevel?: string | undefined
  readonly target?: 'reader' | 'writer' | undefined
  /** It is to have real savepoints. */
  readonly savepoints: boolean
}

/** What a text needs of the server. */
type Need = 'reads' | 'writes' | 'writer'

const MAX_TEXTS = 5_000
const MAX_CHARACTERS = 8 * 1024 * 1024

function strongest(needs: readonly Need[]): Need {
  if (needs.includes('writer')) return 'writer'
  return needs.includes('writes') ? 'writes' : 'reads'
}

/** Decides where statements and transactions run, by what they are; knows nothing of pools. */
export class Strategy {
  readonly #writes: Writes
  readonly #profile: AwsProfile | ForwardingProfile
  /** What a reader refuses goes to the writer. */
  readonly #mayLeave: boolean
  readonly #unsupportedLeaves: boolean
  readonly #refusesStreams: boolean
  readonly #seen = new LRUCache<string, Need>({
    max: MAX_TEXTS,
    maxSize: MAX_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS / 16,
    sizeCalculation: (_need, sql) => sql.length + 1,
  })

  /** @param unsupportedLeaves - what a reader refuses goes to the writer, also where writes are forwarded. */
  constructor(writes: Writes, profile: AwsProfile | ForwardingProfile, unsupportedLeaves = false) {
    this.#writes = writes
    this.#profile = profile
    this.#unsupportedLeaves = unsupportedLeaves
    this.#refusesStreams = resolveProfile(profile).verdicts['portal-fetch'].verdict === 'refuse'
    this.#mayLeave = unsupportedLeaves || writes !== 'forward'
  }

  /**
   * For what a builder sends outside of any transaction, as Knex has compiled it: one statement, or several on one connection.
   *
   * @param isStream - its rows are fetched in parts.
   */
  forStatements(texts: readonly string[], isStream = false): RouteChoice {
    const need =
      isStream && this.#refusesStreams ? 'writer' : strongest(texts.map((sql) => this.#needOf(sql)))
    if (need === 'reads') return { target: 'reader', reason: 'reads' }
    if (need === 'writer' && this.#mayLeave) return { target: 'writer', reason: 'unsupported' }
    return this.#forWrites()
  }

  /** For a root, which stays where it begins. */
  forRoot({ readOnly, isolationLevel, target, savepoints }: RootTraits): RouteChoice {
    if (target !== undefined) return { target, reason: 'asked' }
    // A standby takes no SERIALIZABLE at all, not to read either.
    const isWriterOnly = savepoints || isolationLevel === 'serializable'
    if (isWriterOnly && this.#mayLeave) return { target: 'writer', reason: 'writer-only' }
    return readOnly === true ? { target: 'reader', reason: 'read-only' } : this.#forWrites()
  }

  /** For what nobody knows beforehand. */
  forUnknown(): RouteChoice {
    return this.#forWrites()
  }

  #forWrites(): RouteChoice {
    return this.#writes === 'writer'
      ? { target: 'writer', reason: 'writes' }
      : { target: 'reader', reason: 'forwards' }
  }

  #needOf(sql: string): Need {
    const known = this.#seen.get(sql)
    if (known !== undefined) return known
    const need = strongest(classifyKnex(sql).map((statement) => this.#needOfOne(statement)))
    this.#seen.set(sql, need)
    return need
  }

  #needOfOne(statement: Statement): Need {
    if (judge(statement, this.#profile).verdict === 'refuse') return 'writer'
    // Taken on a reader it excludes nobody on the writer.
    if (statement.hits.some(({ rule }) => rule === 'advisory-lock')) return 'writer'
    return statement.writes || statement.locks || mayWrite(statement) ? 'writes' : 'reads'
  }
}

/** What was prepared nobody knows here; and who asks for READ WRITE will write. */
function mayWrite({ kind, inner, hits }: Statement): boolean {
  return kind === 'execute' || inner?.kind === 'execute' || hits.some(({ rule }) => rule === 'read-write')
}
