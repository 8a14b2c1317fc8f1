/**
 * kill -9 under load, round after round, on one data directory: what was answered with 200 is never lost, and what is
 * sent again because its answer was lost never counts twice. Senders keep what was not answered and send it again, as
 * exporters do; late points of many minutes make a checkpoint run nearly all the time (each also begins a new journal
 * file), and in every third round the recovery itself is killed, too.
 * `npm run peers -- kill [ROUNDS]`; 50 without an argument.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { freePort, KEY, type RunningAggregator, startAggregator, temporaryDirectory } from '../support/aggregator.ts';
import { encodeOtlp } from '../support/otlp.ts';

const rounds = Number(process.argv[2] ?? 50);
const SENDERS = 12;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const FULL_DAY = '/monitoring/graphql/mutations/?window=1440';

/** One process that sends mutations under a name of its own: only what it was told counts as known. */
interface Sender {
  readonly name: string;
  readonly kind: 'cumulative' | 'delta' | 'late delta';
  instance: string;
  startMs: number;
  /** Mutations of the present life, for cumulative points. */
  ofLife: number;
  /** Mutations in requests that were answered with 200. */
  acknowledged: number;
  timeMs: number;
  requests: number;
  /** What was sent and not answered. */
  pending:
    | { readonly count: number; readonly body: Uint8Array<ArrayBuffer>; readonly headers: Record<string, string> }
    | undefined;
}

const KINDS = ['cumulative', 'delta', 'late delta'] as const;

function createSender(i: number): Sender {
  const startMs = Date.now() + 1;
  return {
    name: `Sender${i}`,
    kind: KINDS[i % KINDS.length],
    instance: `instance-${i}`,
    startMs,
    ofLife: 0,
    acknowledged: 0,
    timeMs: startMs,
    requests: 0,
    pending: undefined,
  };
}

/** The next export: one to five mutations more. */
function nextExport(sender: Sender): Sender['pending'] {
  const count = 1 + Math.floor(Math.random() * 5);
  const isCumulative = sender.kind === 'cumulative';
  const isLate = sender.kind === 'late delta';
  // A point of a random minute of the last day, each from an instance of its own, for its intervals do not adjoin.
  const late = sender.startMs - Math.floor(Math.random() * (DAY_MINUTES - 60)) * MINUTE_MS;
  const before = isLate ? late - 1 : sender.timeMs;
  sender.timeMs = Math.max(sender.timeMs + 1, Date.now());
  sender.requests++;
  sender.ofLife += count;
  const told = isCumulative ? sender.ofLife : count;
  const point = {
    attributes: keyValues({ 'vigil.mutation.name': sender.name, 'vigil.mutation.outcome': 'success' }),
    startTimeUnixNano: nanoseconds(isCumulative ? sender.startMs : before),
    timeUnixNano: nanoseconds(isLate ? late : sender.timeMs),
    count: String(told),
    sum: told * 0.2,
    explicitBounds: [0.1, 0.5, 1],
    bucketCounts: ['0', String(told), '0', '0'],
  };
  const instance = isLate ? `${sender.instance}-${sender.requests}` : sender.instance;
  const data = { aggregationTemporality: isCumulative ? 2 : 1, dataPoints: [point] };
  const request = {
    resourceMetrics: [
      {
        resource: { attributes: keyValues({ 'service.name': 'shop', 'service.instance.id': instance }) },
        scopeMetrics: [{ scope: { name: 'kill' }, metrics: [{ name: 'vigil.mutation.duration', histogram: data }] }],
      },
    ],
  };
  return { count, ...encode(request, sender.requests) };
}

/** Protobuf and JSON in turn, every other pair compressed. */
function encode(request: object, n: number): { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  const isJson = n % 2 === 0;
  const plain = isJson ? Buffer.from(JSON.stringify(request)) : encodeOtlp('ExportMetricsServiceRequest', request);
  const headers = { 'Content-Type': isJson ? 'application/json' : 'application/x-protobuf' };
  if (n % 4 < 2) return { body: new Uint8Array(plain), headers };
  return { body: new Uint8Array(gzipSync(plain)), headers: { ...headers, 'Content-Encoding': 'gzip' } };
}

const nanoseconds = (ms: number) => `${BigInt(Math.round(ms)) * 1_000_000n}`;
const keyValues = (record: Readonly<Record<string, string>>) =>
  Object.entries(record).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** Sends what is pending. @returns whether it was answered with 200 */
async function deliver(aggregator: RunningAggregator, sender: Sender): Promise<boolean> {
  const { pending } = sender;
  if (pending === undefined) return true;
  try {
    const answer = await aggregator.post('/v1/metrics', pending.body, pending.headers);
    await answer.arrayBuffer();
    if (answer.status !== 200) return false;
  } catch {
    return false;
  }
  sender.acknowledged += pending.count;
  sender.pending = undefined;
  return true;
}

/** Sends until the process is killed. */
async function load(aggregator: RunningAggregator, sender: Sender): Promise<void> {
  for (;;) {
    sender.pending ??= nextExport(sender);
    if (!(await deliver(aggregator, sender))) return;
  }
}

/** A cumulative sender restarts now and then under its identity, and its counts begin anew. */
function restartSome(senders: readonly Sender[]): void {
  for (const sender of senders)
    if (sender.kind === 'cumulative' && sender.pending === undefined && Math.random() < 0.2) {
      sender.startMs = Math.max(Date.now(), sender.timeMs + 1);
      sender.timeMs = sender.startMs;
      sender.ofLife = 0;
    }
}

/** Begins to open the store and is killed while it does. */
async function killedStart(directory: string): Promise<void> {
  const main = join(import.meta.dirname, '../../aggregator/main.ts');
  const env = {
    ...process.env,
    PORT: String(await freePort()),
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: directory,
  };
  const child = spawn(process.execPath, [main], { env, stdio: 'ignore' });
  const exited = once(child, 'exit');
  await delay(150 + Math.random() * 350);
  child.kill('SIGKILL');
  await exited;
}

const delay = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface Tally {
  lost: number;
  invented: number;
}

/** Holds what the store counts, for ever and in its minutes, against what the senders know. */
async function compare(aggregator: RunningAggregator, senders: readonly Sender[], tally: Tally): Promise<void> {
  const text = await (await aggregator.get('/monitoring/metrics/prometheus/')).text();
  const day = await aggregator.json<{ statistics: { mutation_breakdown: Record<string, number> } }>(FULL_DAY);
  for (const { name, acknowledged, pending } of senders) {
    const lifetime = Number(
      new RegExp(`^graphql_mutation_total\\{mutation="${name}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
    );
    const minutes = day.statistics.mutation_breakdown[name] ?? 0;
    for (const counted of [lifetime, minutes]) {
      tally.lost += Math.max(0, acknowledged - counted);
      tally.invented += Math.max(0, counted - acknowledged - (pending?.count ?? 0));
      if (counted < acknowledged || counted > acknowledged + (pending?.count ?? 0))
        console.log(
          `${name}: ${acknowledged} acknowledged, ${pending?.count ?? 0} without an answer, ${counted} counted`,
        );
    }
  }
}

const directory = temporaryDirectory();
let aggregator = await startAggregator({ directory });
const senders = Array.from({ length: SENDERS }, (_, i) => createSender(i));
const tally: Tally = { lost: 0, invented: 0 };
let unanswered = 0;
let failedRounds = 0;
const began = Date.now();
for (let round = 0; round < rounds; round++) {
  const running = Promise.all(senders.map((sender) => load(aggregator, sender)));
  await delay(50 + Math.random() * 500);
  await aggregator.stop('SIGKILL');
  await running;
  unanswered += senders.filter(({ pending }) => pending !== undefined).length;
  if (round % 3 === 2) await killedStart(directory);
  aggregator = await startAggregator({ directory });
  const before = tally.lost + tally.invented;
  // First with what was not answered open, then exactly, after all of it was sent again.
  await compare(aggregator, senders, tally);
  for (const sender of senders) if (!(await deliver(aggregator, sender))) throw new Error(aggregator.log());
  await compare(aggregator, senders, tally);
  if (tally.lost + tally.invented > before) failedRounds++;
  restartSome(senders);
}
await aggregator.stop();
const acknowledged = senders.reduce((sum, sender) => sum + sender.acknowledged, 0);
const requests = senders.reduce((sum, sender) => sum + sender.requests, 0);
console.log(
  `${rounds} rounds of kill -9 in ${Math.round((Date.now() - began) / 1000)} s: ${requests} requests, ${acknowledged} mutations ` +
    `acknowledged, ${unanswered} requests without an answer sent again; lost ${tally.lost}, invented ${tally.invented}`,
);
// A run in which next to nothing was sent would prove nothing.
const isBusy = requests > rounds * SENDERS && unanswered > rounds / 2;
if (!isBusy) console.log('too few requests for a proof');
console.log(`${rounds - failedRounds} passed, ${failedRounds + (isBusy ? 0 : 1)} failed`);
process.exitCode = failedRounds > 0 || !isBusy ? 1 : 0;
