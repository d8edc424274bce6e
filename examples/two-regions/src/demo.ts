import { createSchema } from '@knex-flatten/example-basic/shop/schema'
import { bad, good, Progress, say, table, title } from '@knex-flatten/example-basic/terminal'
import createKnex from 'knex'
import { type Service, startService } from './service/service.ts'
import { claims, type Story } from './story/claims.ts'
import { during } from './story/during.ts'
import { round } from './story/round.ts'
import { summary } from './story/summary.ts'
import { showOutcomes, showRound } from './story/tables.ts'
import { DISTANCE_MS, LAG_MS, startWorld, type World } from './world/world.ts'

title('One shop in two Regions, and a writer that moves from one to the other')
const progress = new Progress()
const world = await startWorld((step) => {
  progress.step(step)
})
const services: Service[] = []
const story = await tell().finally(async () => {
  await Promise.all(services.map((service) => service.stop()))
  await world.stop()
})

title('What was seen')
for (const sentence of summary(story)) say(sentence)

title('In short')
const claimed = claims(story)
table(
  ['', 'claim', 'seen'],
  claimed.map(({ claim, seen, holds }) => [holds ? '✓' : '✗', claim, seen]),
)
if (claimed.every(({ holds }) => holds)) {
  good('All of it was seen.')
} else {
  bad('Not all of it was seen.')
  process.exitCode = 1
}

async function tell(): Promise<Story> {
  progress.step('Starting the same service in both Regions')
  await prepareShop(world)
  for (const { config } of world.regions) services.push(await startService(config))
  // What is connected to, asked and compiled once is not what this is about.
  await round(world, services)
  progress.done('Ready')
  say(`eu and us are ${DISTANCE_MS} ms apart, there and back. Readers show a commit ${LAG_MS} ms late.`)

  title(`The writer is in ${world.writersRegion()}`)
  const before = await round(world, services)
  showRound(before)

  title('The switchover, while everything is asked of both services at once')
  const started = performance.now()
  const elapsed = (): number => Math.round(performance.now() - started)
  let tookMs = 0
  const meanwhile = await during(
    services,
    async () => {
      const asked = elapsed()
      await world.switchover()
      tookMs = elapsed() - asked
    },
    ({ asked, ranOn }) => before.some((each) => each.asked === asked && each.ranOn === ranOn),
  )
  showOutcomes(meanwhile)
  say(`The servers took ${tookMs} ms to change places.`)

  title(`The writer is in ${world.writersRegion()}`)
  const after = await round(world, services)
  showRound(after)
  return { before, meanwhile, after, stored: await storedOrders(world) }
}

/** The shop's tables, and enough in stock. */
async function prepareShop({ servers }: World): Promise<void> {
  const writer = createKnex({ client: 'pg', connection: servers.primaryUrl })
  await createSchema(writer)
  await writer('stock').update({ available: 1_000_000 })
  await writer.destroy()
  await servers.lag.caughtUp()
}

async function storedOrders({ servers }: World): Promise<Set<number>> {
  const writer = createKnex({ client: 'pg', connection: servers.primaryUrl })
  const ids: number[] = await writer('orders').pluck('id')
  await writer.destroy()
  return new Set(ids)
}
