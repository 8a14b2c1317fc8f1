/** One application of the benchmark `embedded`: makes mutations at a steady pace and measures itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createAggregator } from '@vigil/aggregator';
import { start } from '@vigil/otel-config';
import type { Cost, Variant } from './embedded.ts';

const EVERY_MS = 10;
/** The first checkpoint comes after 5 s, and is none of a minute's. */
const WARM_UP_MS = 8000;
/** A page that is open fetches itself again whenever something arrived. */
const READ_EVERY_MS = 2000;
const RESOLUTION_MS = 5;

const [variant, seconds, ...load] = process.argv.slice(2) as [Variant, string, string, string];
const [names, perSecond] = load.map(Number) as [number, number];
const aggregator = variant.startsWith('embedded') ? createAggregator() : undefined;
if (aggregator !== undefined) start(aggregator.sdk);
else start(variant === 'nothing collected' ? { metricReaders: [], spanProcessors: [] } : {});
// After the registration, as in an application.
const { buildSchema, graphql } = await import('graphql');

const fields = Array.from({ length: names }, (_, i) => `m${i}: Int`).join(' ');
const schema = buildSchema(`type Query { a: Int } type Mutation { ${fields} }`);
const rootValue = Object.fromEntries(Array.from({ length: names }, (_, i) => [`m${i}`, () => i]));
let made = 0;
const startedMs = performance.now();
setInterval(() => {
  // As many as are due: a timer that comes late does not make the load smaller.
  for (const due = ((performance.now() - startedMs) / 1000) * perSecond; made < due; made++)
    void graphql({ schema, source: `mutation { m${made % names} }`, rootValue });
}, EVERY_MS);
if (variant === 'embedded, and read') setInterval(() => void read('/monitoring/overview/').catch(fail), READ_EVERY_MS);

async function read(path: string): Promise<string> {
  const headers = { 'X-Monitoring-API-Key': process.env['MONITORING_API_KEY']! };
  const answer = await aggregator!.app.request(path, { headers });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.text();
}

/** How long the last checkpoint held the event loop up at most, and how many there were. */
async function checkpoints(): Promise<{ readonly number: number; readonly lastMs: number }> {
  const text = await read('/monitoring/metrics/prometheus/');
  const numberIn = (line: RegExp): number => Number(line.exec(text)?.[1]);
  return {
    number: numberIn(/^aggregator_checkpoints_total\{result="written"\} (.+)$/m),
    lastMs: numberIn(/^aggregator_checkpoint_longest_slice_seconds (.+)$/m) * 1000,
  };
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

await delay(WARM_UP_MS);
const written = aggregator === undefined ? 0 : (await checkpoints()).number;
const late = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
late.enable();
const before = process.cpuUsage();
const measuredMs = performance.now();
await delay(Number(seconds) * 1000);
const elapsedMs = performance.now() - measuredMs;
const { user, system } = process.cpuUsage(before);
late.disable();
const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
const checkpoint = aggregator === undefined ? undefined : await checkpoints();
if (checkpoint?.number === written) throw new Error('no checkpoint fell into the measured time');
const cost: Cost = {
  cpuMsPerMinute: ((user + system) / 1000) * (60_000 / elapsedMs),
  delayP50Ms: beyond(late.percentile(50)),
  delayP99Ms: beyond(late.percentile(99)),
  delayMaxMs: beyond(late.max),
  checkpointMs: checkpoint?.lastMs,
};
process.send!(cost);
