/** What is done outside of the database, and cannot be undone with a transaction. */
export interface SideEffect {
  readonly what: 'sends mail' | 'sends an HTTP request' | 'sends a message' | 'calls another service'
  readonly packages: RegExp
  readonly methods: ReadonlySet<string>
}

const requests = [
  'request',
  'get',
  'delete',
  'head',
  'options',
  'post',
  'put',
  'patch',
  'postForm',
  'putForm',
]

/** **The one table of side effects**: by the package that declares what is called, and its methods. */
export const sideEffects: readonly SideEffect[] = [
  effect('sends mail', 'nodemailer', ['sendMail']),
  effect('sends mail', '@sendgrid/mail|@sendgrid/client', ['send', 'sendMultiple', 'request']),
  effect('sends mail', 'mailgun\\.js|mailgun-js', ['send', 'create']),
  effect('sends mail', 'postmark', [
    'sendEmail',
    'sendEmailWithTemplate',
    'sendEmailBatch',
    'sendEmailBatchWithTemplates',
  ]),
  effect('sends mail', 'resend|mailtrap|@mailchimp/mailchimp_transactional', ['send', 'create']),
  effect('sends mail', '@aws-sdk/client-sesv?2?', [
    'send',
    'sendEmail',
    'sendRawEmail',
    'sendTemplatedEmail',
    'sendBulkEmail',
  ]),
  effect('sends an HTTP request', 'axios', ['axios', 'axiosInstance', ...requests]),
  effect('sends an HTTP request', 'got|ky|superagent|needle', [
    'got',
    'ky',
    'superagent',
    'needle',
    ...requests,
  ]),
  effect('sends an HTTP request', 'node-fetch|cross-fetch|isomorphic-fetch|global', ['fetch']),
  effect('sends an HTTP request', 'undici', ['fetch', 'request']),
  effect('sends an HTTP request', '(?:node:)?https?', ['request', 'get']),
  effect('sends a message', 'bull|bullmq|bee-queue', ['add', 'addBulk', 'save']),
  effect('sends a message', 'amqplib|amqp-connection-manager', ['publish', 'sendToQueue']),
  effect('sends a message', 'kafkajs|@confluentinc/kafka-javascript', ['send', 'sendBatch']),
  effect('sends a message', '@google-cloud/pubsub', ['publish', 'publishMessage', 'publishJSON']),
  effect('sends a message', '@aws-sdk/client-(?:sqs|sns|eventbridge|kinesis|firehose)', [
    'send',
    'sendMessage',
    'sendMessageBatch',
    'publish',
    'publishBatch',
    'putEvents',
    'putRecord',
    'putRecords',
  ]),
  effect('sends a message', 'ioredis|redis|@redis/client|nats', ['publish', 'xadd', 'xAdd']),
  effect('sends a message', 'firebase-admin', [
    'send',
    'sendEach',
    'sendEachForMulticast',
    'sendMulticast',
    'sendAll',
  ]),
  effect('calls another service', '@aws-sdk/client-(?:lambda|sfn)', ['send', 'invoke', 'startExecution']),
  effect('calls another service', 'stripe', [
    'create',
    'update',
    'confirm',
    'capture',
    'cancel',
    'del',
    'refund',
    'pay',
    'finalizeInvoice',
  ]),
  effect('calls another service', 'twilio|@slack/web-api|@slack/webhook', ['create', 'send', 'postMessage']),
]

/** Every word of the table, so that calls by other words cost nothing. */
export const sideEffectWords: ReadonlySet<string> = new Set(wordsOf(sideEffects))

/** The methods of some of the table. */
export function wordsOf(effects: readonly SideEffect[]): string[] {
  return effects.flatMap(({ methods }) => [...methods])
}

function effect(what: SideEffect['what'], packages: string, methods: readonly string[]): SideEffect {
  return { what, packages: new RegExp(`^(?:${packages})(?:/|$)`, 'u'), methods: new Set(methods) }
}
