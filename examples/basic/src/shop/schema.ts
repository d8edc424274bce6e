import type { Knex } from 'knex'

/** Creates the shop's tables; schema work always needs the primary. */
export async function createSchema(primary: Knex): Promise<void> {
  await primary.schema
    .createTable('customers', (table) => {
      table.increments('id')
      table.text('email').notNullable().unique()
    })
    .createTable('stock', (table) => {
      table.text('sku').primary()
      table.integer('available').notNullable()
    })
    .createTable('orders', (table) => {
      table.increments('id')
      table.integer('customer_id').notNullable().references('customers.id')
      table.text('state').notNullable()
    })
    .createTable('order_lines', (table) => {
      table.integer('order_id').notNullable().references('orders.id')
      table.text('sku').notNullable().references('stock.sku')
      table.integer('quantity').notNullable()
    })
    .createTable('audit', (table) => {
      table.increments('id')
      table.text('what').notNullable()
    })
    .createTable('points', (table) => {
      table.integer('customer_id').primary().references('customers.id')
      table.integer('balance').notNullable()
    })
  await primary('stock').insert([
    { sku: 'tea', available: 10 },
    { sku: 'cup', available: 10 },
  ])
}
