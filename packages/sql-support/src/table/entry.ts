import type { Known, RuleId, Verdict } from '../statement.ts'

/** The profiles that follow AWS's two pages: global write forwarding, and local (within one cluster). */
export type AwsProfile = 'aws-global' | 'aws-local'

/** What happens to a statement that touches a rule, and how that is known. */
export interface RuleVerdict {
  readonly verdict: Verdict
  readonly known: Known
}

/** One row of the support table. */
export interface SupportEntry {
  readonly id: RuleId
  /** What is meant, in a few words: "Savepoints". */
  readonly title: string
  readonly verdicts: Readonly<Record<AwsProfile, RuleVerdict>>
  /**
   * The SQLSTATE to expect where the statement is not run: the standby's own where it refuses by itself. AWS has not
   * published those of the other refusals; 0A000 (feature_not_supported) is this project's assumption.
   */
  readonly sqlstate: string
  /** What a plain hot standby does, as measured: `allows` where it runs at least one form of it. */
  readonly standby: 'refuses' | 'allows'
  readonly why: string
  /** The page that says so. */
  readonly source: string
  /** What to write instead. */
  readonly instead: string
}

/** A row without its id, which is its key. */
export type SupportRow = Omit<SupportEntry, 'id'>

const AWS = 'https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/'

export const LOCAL_LIMITS: string = `${AWS}aurora-postgresql-write-forwarding-limitations.html`
export const LOCAL_GUIDE: string = `${AWS}aurora-postgresql-write-forwarding-understanding.html`
export const GLOBAL_GUIDE: string = `${AWS}aurora-global-database-write-forwarding-apg.html`
export const HOT_STANDBY: string = 'https://www.postgresql.org/docs/16/hot-standby.html'

const verdicts = (global: RuleVerdict, local: RuleVerdict) => ({ 'aws-global': global, 'aws-local': local })

const documented = { verdict: 'refuse', known: 'documented' } as const
const assumed = { verdict: 'refuse', known: 'assumed' } as const

/** Both pages list it as unsupported. */
export const REFUSED: SupportRow['verdicts'] = verdicts(documented, documented)
/** Only the page on local forwarding lists it as unsupported; the other kind is assumed to be no better. */
export const REFUSED_LOCALLY: SupportRow['verdicts'] = verdicts(assumed, documented)
/** Neither page lists it, and the reader by itself refuses it. */
export const REFUSED_BY_STANDBY: SupportRow['verdicts'] = verdicts(assumed, assumed)
/** Both pages list it as forwarded. */
export const FORWARDED: SupportRow['verdicts'] = verdicts(
  { verdict: 'forward', known: 'documented' },
  { verdict: 'forward', known: 'documented' },
)
/** Nobody has published what happens: taken to be forwarded like the statement it belongs to. */
export const FORWARDED_PERHAPS: SupportRow['verdicts'] = verdicts(
  { verdict: 'forward', known: 'unknown' },
  { verdict: 'forward', known: 'unknown' },
)
/** Nobody has published what happens: taken to run on the reader, as it does on any hot standby. */
export const LOCAL_PERHAPS: SupportRow['verdicts'] = verdicts(
  { verdict: 'local', known: 'unknown' },
  { verdict: 'local', known: 'unknown' },
)
