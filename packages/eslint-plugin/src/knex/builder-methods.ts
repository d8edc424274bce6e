function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/u))
}

/** Methods that a chain on a table goes on with; most stand on a Knex itself too. */
export const builderMethods: ReadonlySet<string> = words(`
  select column columns from into table as with withRecursive withSchema distinct distinctOn
  insert upsert update del delete truncate increment decrement returning onConflict
  where andWhere orWhere whereNot whereIn whereNotIn whereNull whereNotNull whereExists whereNotExists whereBetween
  whereRaw orWhereRaw andWhereRaw whereLike whereILike whereJsonPath having havingRaw groupBy groupByRaw
  join innerJoin leftJoin rightJoin leftOuterJoin rightOuterJoin fullOuterJoin crossJoin joinRaw using
  union unionAll orderBy orderByRaw limit offset first pluck count countDistinct min max sum avg
  forUpdate forShare skipLocked noWait modify raw queryBuilder transacting timeout debug options queryContext columnInfo stream
`)

/** Those of them that little else is called by: a call of one is worth a look though nothing is chained to it. */
export const telling: ReadonlySet<string> = words(`
  select insert withRecursive withSchema distinctOn raw queryBuilder whereIn where truncate
`)

/** Those that text, arrays and dates have too: a function is not looked into for them alone. */
export const vague: ReadonlySet<string> = words(`join from as with using options debug limit stream`)

/** Methods of a schema builder and of Objection's builders that neither a Knex nor a chain on a table has. */
export const otherQueryWords: ReadonlySet<string> = words(`
  query $query relatedQuery $relatedQuery fetchGraph $fetchGraph hasTable hasColumn
`)
