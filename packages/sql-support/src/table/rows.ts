import type { RuleId } from '../statement.ts'
import {
  FORWARDED,
  FORWARDED_PERHAPS,
  LOCAL_GUIDE,
  LOCAL_LIMITS,
  LOCAL_PERHAPS,
  REFUSED,
  REFUSED_LOCALLY,
} from './entry.ts'
import type { SupportRow } from './entry.ts'

export const ROW_RULES = {
  'row-lock': {
    title: 'Row locks: SELECT … FOR UPDATE, NO KEY UPDATE, SHARE, KEY SHARE',
    verdicts: FORWARDED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'A locking read is forwarded, so it costs a round trip to the writer like a write.',
    source: LOCAL_GUIDE,
    instead: 'Nothing: .forUpdate() and .forShare() work. Read without a lock where none is needed.',
  },
  'on-conflict': {
    title: 'INSERT … ON CONFLICT',
    verdicts: FORWARDED_PERHAPS,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'An INSERT is forwarded, but AWS does not say whether ON CONFLICT may be part of it. It is taken to be forwarded whole.',
    source: LOCAL_LIMITS,
    instead:
      'Try it on your own cluster; or do without: lock one agreed row with .forUpdate(), look, then insert or update.',
  },
  merge: {
    title: 'MERGE',
    verdicts: FORWARDED_PERHAPS,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'AWS names INSERT, UPDATE and DELETE as forwarded and says nothing of MERGE. It is taken to be forwarded.',
    source: LOCAL_LIMITS,
    instead: 'Separate UPDATE and INSERT statements in one transaction, behind the lock of one agreed row.',
  },
  'writing-cte': {
    title: 'A common table expression that writes: WITH … AS (INSERT, UPDATE, DELETE, MERGE …)',
    verdicts: FORWARDED_PERHAPS,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'The statement says SELECT but writes; AWS does not say whether it is forwarded. It is taken to be forwarded whole.',
    source: LOCAL_LIMITS,
    instead: 'Separate statements in one transaction, using .returning(…) to hand values on.',
  },
  'explain-analyze': {
    title: 'EXPLAIN ANALYZE of a statement that writes or locks',
    verdicts: FORWARDED,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'EXPLAIN ANALYZE runs what it explains, so it is forwarded with it.',
    source: LOCAL_GUIDE,
    instead: 'Plain EXPLAIN, which runs nothing and stays on the reader.',
  },
  sequence: {
    title: 'Sequences: nextval(), setval()',
    verdicts: REFUSED_LOCALLY,
    sqlstate: '25006',
    standby: 'refuses',
    why: 'A sequence cannot advance on a reader, and AWS lists nextval() and setval() as unsupported. A column default that calls nextval() is another matter: it is evaluated where the INSERT runs.',
    source: LOCAL_LIMITS,
    instead:
      'Leave the column out of the INSERT and take its default back with .returning(…), or generate keys in the application (UUID).',
  },
  cursor: {
    title: 'SQL cursors: DECLARE, FETCH, MOVE, CLOSE',
    verdicts: REFUSED,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'AWS lists cursors as unsupported while forwarding is on.',
    source: LOCAL_LIMITS,
    instead: 'Read in pages by key: .where("id", ">", last).orderBy("id").limit(n).',
  },
  'portal-fetch': {
    title: 'A result fetched in parts by the protocol: .stream(), pg-cursor, pg-query-stream',
    verdicts: LOCAL_PERHAPS,
    sqlstate: '0A000',
    standby: 'allows',
    why: 'A portal read with a row limit is a cursor in spirit; AWS does not say whether it counts as one.',
    source: LOCAL_LIMITS,
    instead: 'Read in pages by key: .where("id", ">", last).orderBy("id").limit(n).',
  },
} satisfies Partial<Record<RuleId, SupportRow>>
