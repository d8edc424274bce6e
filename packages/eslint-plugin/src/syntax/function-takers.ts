/** Calls that keep a function for later, or for another time: hooks, timers, events, queues. */
export const keepsForLater: RegExp =
  /^(?:(?:after|before|on)(?:Commit|Rollback|Completion)|set(?:Timeout|Interval|Immediate)|nextTick|queueMicrotask|on|once|off|addListener|prependListener|addEventListener|removeListener|subscribe|defer|later|schedule|enqueue|push|unshift|add|register|use|process|listen)$/u

/** Calls that run a function at once, as often as they like. */
export const runsAtOnce: RegExp =
  /^(?:map|forEach|filter|find|findIndex|findLast|some|every|reduce|reduceRight|flatMap|from|sort|each|eachSeries|mapSeries|mapValues|keyBy|groupBy|times|transaction|then|catch|finally)$/u
