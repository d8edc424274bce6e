import type { Order } from '../shop/orders.ts'

export const firstOrder: Order = {
  email: 'ada@example.com',
  lines: [
    { sku: 'tea', quantity: 2 },
    { sku: 'cup', quantity: 1 },
  ],
}
