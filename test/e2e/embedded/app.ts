/**
 * A Hono application with an aggregator in its own process. Told so by its parent it makes mutations, tasks and
 * refusals; at every message it answers when all that it did has been collected.
 */
import { serve } from '@hono/node-server';
import { recordSecurityBlock } from '@vigil/instrumentation-security-blocks';
import { memoryStore, withIdempotency, withLock } from '@vigil/instrumentation-task-locks';
import { flush } from '@vigil/otel-config';
import { buildSchema, graphql } from 'graphql';
import { Hono } from 'hono';
import { aggregator } from './monitoring.ts';

const schema = buildSchema('type Query { a: Int } type Mutation { createJob(ok: Boolean!): Int, pay(ms: Int!): Int }');
const rootValue = {
  createJob({ ok }: { ok: boolean }) {
    if (!ok) throw new TypeError('refused');
    return 1;
  },
  pay: async ({ ms }: { ms: number }) => {
    await new Promise((done) => setTimeout(done, ms));
    return ms;
  },
};
const store = memoryStore();

async function makeTraffic(): Promise<void> {
  const mutations = [
    'createJob(ok: true)',
    'createJob(ok: true)',
    'createJob(ok: false)',
    'pay(ms: 5)',
    'pay(ms: 600)',
  ];
  for (const source of mutations) await graphql({ schema, source: `mutation { ${source} }`, rootValue });
  for (const key of ['a', 'b', 'a', 'a']) await withIdempotency({ store, task: 'send_mail', key }, async () => key);
  await withLock({ store, task: 'close_jobs' }, async () => {});
  recordSecurityBlock({ category: 'sqli', pattern: 'union', client: '203.0.113.9' });
  recordSecurityBlock({ category: 'rate_limit', client: '203.0.113.10' });
  recordSecurityBlock({ category: 'csrf', pattern: 'token', client: '203.0.113.9' });
}

const app = new Hono();
app.get('/', (c) => c.text('the shop'));
app.get('/limited', (c) => c.text('too often', 429));
app.get('/mutate', async (c) => c.json(await graphql({ schema, source: 'mutation { pay(ms: 1) }', rootValue })));
app.route('/monitoring', aggregator.app);
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => process.send?.({ port }));

process.on('message', async (message) => {
  if (message === 'traffic') await makeTraffic();
  await flush();
  if (message !== 'end') process.send?.('done');
  else {
    // Nothing of the aggregator may keep the process alive.
    process.disconnect();
    server.close();
  }
});
