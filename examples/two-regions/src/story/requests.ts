import type { Service } from '../service/service.ts'

/** What clients ask of the service, in words, as a request, and what is told of the answer. */
export const requests = [
  {
    what: 'list orders',
    method: 'GET',
    path: '/orders',
    tell: (orders: unknown[]) => `${orders.length} orders`,
  },
  { what: 'place an order', method: 'POST', path: '/orders', tell: (id: number) => `order ${id}` },
  { what: 'place one, look', method: 'POST', path: '/orders/show', tell: tellShown },
  { what: 'report', method: 'GET', path: '/report', tell: ({ orders }: any) => `${orders.count} orders` },
  { what: 'close the day', method: 'POST', path: '/closing', tell: () => 'closed' },
] as const

function tellShown({ orders, lines }: { orders: number; lines: number }): string {
  return `${orders} order, ${lines} of its lines`
}

export type Asked = (typeof requests)[number]

/** What came of a request. */
export interface Answered {
  readonly asked: Asked
  readonly region: string
  readonly good: boolean
  /** `reader (forwards)`; of one that failed, with what. */
  readonly ranOn: string
  readonly body: any
}

let customers = 0

/** One request, over a socket; an order is that of a customer who is new. */
export async function send({ name, url }: Service, asked: Asked): Promise<Answered> {
  const { method, path } = asked
  const order = { email: `customer-${++customers}@example.com`, lines: [{ sku: 'tea', quantity: 1 }] }
  const sent = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) }
  const response = await fetch(url + path, { method, ...(method === 'POST' && sent) })
  const body = (await response.json()) as any
  const good = response.ok
  const ranOn = good ? response.headers.get('x-ran-on')! : `failed: ${body.reason}`
  return { asked, region: name, good, ranOn, body }
}
