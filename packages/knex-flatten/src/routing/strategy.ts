import {
  classifyKnex,
  judge,
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
  readonly #seen = new LRUCache<string, Need>({
    max: MAX_TEXTS,
    maxSize: MAX_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS / 16,
    sizeCalculation: (_need, sql) => sql.length + 1,
  })

  constructor(writes: Writes, profile: AwsProfile | ForwardingProfile) {
    this.#writes = writes
    this.#profile = profile
  }

  /** For what a builder sends outside of any transaction, as Knex has compiled it: one statement, or several on one connection. */
  forStatements(texts: readonly string[]): RouteChoice {
    const need = strongest(texts.map((sql) => this.#needOf(sql)))
    if (need === 'reads') return { target: 'reader', reason: 'reads' }
    if (need === 'writer' && this.#writes !== 'forward') return { target: 'writer', reason: 'unsupported' }
    return this.#forWrites()
  }

  /** For a root, which stays where it begins. */
  forRoot({ readOnly, isolationLevel, target, savepoints }: RootTraits): RouteChoice {
    if (target !== undefined) return { target, reason: 'asked' }
    if (readOnly === true) return { target: 'reader', reason: 'read-only' }
    const isWriterOnly = savepoints || isolationLevel === 'serializable'
    if (isWriterOnly && this.#writes !== 'forward') return { target: 'writer', reason: 'writer-only' }
    return this.#forWrites()
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
