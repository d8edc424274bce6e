import type { Service } from '../service/service.ts'

interface Shown {
  readonly orders: number
  readonly lines: number
}

const tellShown = ({ orders, lines }: Shown): string => `${orders} order, ${lines} of its lines`

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
  { what: '… in a scope', method: 'POST', path: '/orders/show-own', tell: tellShown },
  { what: '… there, look here', method: 'GET', path: '/orders/placed-elsewhere', tell: tellShown },
  { what: 'report', method: 'GET', path: '/report', tell: ({ orders }: any) => `${orders.count} orders` },
  { what: 'close the day', method: 'POST', path: '/closing', tell: () => 'closed' },
] as const

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

/** A request that is ready to be sent. */
export interface Ready {
  readonly asked: Asked
  readonly path: string
  readonly init: RequestInit
}

let customers = 0

/** What must be done before a request: an order is that of a new customer; one that was placed elsewhere has to be placed there. */
export async function prepare(asked: Asked, elsewhere: Service): Promise<Ready> {
  const { method, path } = asked
  if (path !== '/orders/placed-elsewhere')
    return { asked, path, init: { method, ...(method === 'POST' && anOrder()) } }
  const placed = await fetch(`${elsewhere.url}/orders`, { method: 'POST', ...anOrder() })
  // What a browser would do with a cookie.
  const token = placed.headers.get('x-causality')
  return {
    asked,
    path: `/orders/${String(await placed.json())}`,
    init: { headers: token ? { 'x-causality': token } : {} },
  }
}

/** Over a socket. */
export async function send({ name, url }: Service, { asked, path, init }: Ready): Promise<Answered> {
  const response = await fetch(url + path, init)
  const body = (await response.json()) as any
  const good = response.ok
  const ranOn = good ? response.headers.get('x-ran-on')! : `failed: ${body.reason}`
  return { asked, region: name, good, ranOn, body }
}

function anOrder(): RequestInit {
  const order = { email: `customer-${++customers}@example.com`, lines: [{ sku: 'tea', quantity: 1 }] }
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) }
}
