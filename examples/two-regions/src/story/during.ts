import type { Service } from '../service/service.ts'
import { type Answered, prepare, requests, send } from './requests.ts'

/**
 * Asks every service for everything at once, over and over, while something happens, and then until each request has run again where it
 * `usually` does.
 */
export async function during(
  services: readonly Service[],
  happens: () => Promise<void>,
  usually: (answered: Answered) => boolean,
): Promise<Answered[]> {
  const all: Answered[] = []
  const state = { over: false }
  const asking = services.flatMap((service) =>
    requests.map(async (asked) => {
      const other = services.find((each) => each !== service)!
      for (;;) {
        const afterwards = state.over
        const answered = await send(service, await prepare(asked, other))
        all.push(answered)
        if (afterwards && usually(answered)) return
      }
    }),
  )
  await happens()
  state.over = true
  await Promise.all(asking)
  return all
}
