/** One application of the benchmark `embedded`: makes mutations at a steady pace and measures itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createAggregator } from '@vigil/aggregator';
import { start } from '@vigil/otel-config';
import type { Cost, Variant } from './embedded.ts';

const MUTATIONS = 200;
const PER_SECOND = 100;
const WARM_UP_MS = 5000;
/** A page that is open fetches itself again whenever something arrived. */
const READ_EVERY_MS = 2000;
const RESOLUTION_MS = 5;

const [variant, seconds] = process.argv.slice(2) as [Variant, string];
const aggregator = variant.startsWith('embedded') ? createAggregator() : undefined;
if (aggregator !== undefined) start(aggregator.sdk);
else start(variant === 'nothing collected' ? { metricReaders: [], spanProcessors: [] } : {});
// After the registration, as in an application.
const { buildSchema, graphql } = await import('graphql');

const fields = Array.from({ length: MUTATIONS }, (_, i) => `m${i}: Int`).join(' ');
const schema = buildSchema(`type Query { a: Int } type Mutation { ${fields} }`);
const rootValue = Object.fromEntries(Array.from({ length: MUTATIONS }, (_, i) => [`m${i}`, () => i]));
let made = 0;
setInterval(() => {
  void graphql({ schema, source: `mutation { m${made++ % MUTATIONS} }`, rootValue });
}, 1000 / PER_SECOND);
if (variant === 'embedded, and read') setInterval(() => void read('/monitoring/overview/').catch(fail), READ_EVERY_MS);

async function read(path: string): Promise<void> {
  const headers = { 'X-Monitoring-API-Key': process.env['MONITORING_API_KEY']! };
  const answer = await aggregator!.app.request(path, { headers });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  await answer.text();
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

await delay(WARM_UP_MS);
const late = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
late.enable();
const before = process.cpuUsage();
const startedMs = performance.now();
await delay(Number(seconds) * 1000);
const elapsedMs = performance.now() - startedMs;
const { user, system } = process.cpuUsage(before);
late.disable();
const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
const closingMs = performance.now();
await aggregator?.close();
const cost: Cost = {
  cpuMsPerMinute: ((user + system) / 1000) * (60_000 / elapsedMs),
  delayP50Ms: beyond(late.percentile(50)),
  delayP99Ms: beyond(late.percentile(99)),
  delayMaxMs: beyond(late.max),
  closeMs: aggregator === undefined ? undefined : performance.now() - closingMs,
};
process.send!(cost);
