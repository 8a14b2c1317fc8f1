/**
 * A flood: a million blocks from a hundred thousand addresses, five of which attack in earnest, in random order, collected
 * ten times. What a block costs, how much memory stays, whether totals are exact and the five are on top; beside it the
 * plain way, one counter of the SDK with the address as attribute.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type DataPoint, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import {
  recordSecurityBlock,
  type SecurityBlock,
  SecurityBlockInstrumentation,
  type SecurityBlockInstrumentationConfig,
} from '@vigil/instrumentation-security-blocks';
import { securityClientsProducer } from '../../otel-config/client-producer.ts';
import type { Benchmark } from './main.ts';
import { median, printTable, surroundings } from './report.ts';

const BLOCKS = 1_000_000;
const ADDRESSES = 100_000;
const HEAVY = 5;
/** Each of the five makes this share of all blocks. */
const HEAVY_SHARE = 0.01;
const COLLECTIONS = 10;
const ROUNDS = 2;

const addressOf = (n: number): string => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
const heavy = Array.from({ length: HEAVY }, (_, i) => addressOf(i));

const kinds: readonly SecurityBlock[] = [
  { category: 'sqli', pattern: 'union' },
  { category: 'sqli', pattern: 'boolean_blind' },
  { category: 'rate_limit', pattern: 'requests' },
  { category: 'csrf', pattern: 'token' },
];

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

interface Result {
  readonly micros: number;
  /** Of all blocks, in all collections together. */
  readonly counted: number;
  readonly countedByClient: number;
  /** The most points by client in one collection. */
  readonly points: number;
  /** Blocks that are told to be of the five, as a share of those that they made. */
  readonly heavyShare: number;
  /** Whether they are the first five. */
  readonly isOnTop: boolean;
  readonly heapMiB: number;
}

type Record = (block: SecurityBlock, address: string) => void;
interface Sink {
  readonly reader: MetricReader;
  readonly record: Record;
  stop(): Promise<void>;
}

const request = (address: string) => ({ url: '/', method: 'GET', headers: {}, socket: { remoteAddress: address } });

function ours(config: SecurityBlockInstrumentationConfig): Sink {
  const reader = new ReaderOnDemand({ metricProducers: [securityClientsProducer()] });
  const meters = new MeterProvider({ readers: [reader] });
  const exporter = {
    export: (_: unknown, done: (result: { code: 0 }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  const tracers = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
  const instrumentation = new SecurityBlockInstrumentation(config);
  instrumentation.setMeterProvider(meters);
  instrumentation.setTracerProvider(tracers);
  return {
    reader,
    record: (block, address) => recordSecurityBlock({ ...block, request: request(address) }),
    async stop() {
      instrumentation.disable();
      await Promise.all([meters.shutdown(), tracers.shutdown()]);
    },
  };
}

/** With the SDK's own limit of 2,000 sets, cumulative. */
function plain(): Sink {
  const reader = new ReaderOnDemand();
  const meters = new MeterProvider({ readers: [reader] });
  const counter = meters.getMeter('plain').createCounter('vigil.security.clients');
  return {
    reader,
    record: ({ category, pattern }, address) =>
      counter.add(1, {
        'client.address': request(address).socket.remoteAddress,
        'vigil.security.category': category,
        'vigil.security.pattern': pattern,
      }),
    stop: () => meters.shutdown(),
  };
}

/** What making the requests of the flood costs by itself. */
function nothing(): Sink {
  const reader = new ReaderOnDemand();
  const meters = new MeterProvider({ readers: [reader] });
  const seen = { length: 0 };
  return {
    reader,
    record: (block, address) => {
      seen.length += { ...block, request: request(address) }.request.socket.remoteAddress.length;
    },
    stop: () => meters.shutdown(),
  };
}

const variants: Readonly<{ [name: string]: () => Sink }> = {
  'full addresses': () => ours({ clientAddresses: 'full' }),
  networks: () => ours({ clientAddresses: 'network' }),
  pseudonyms: () => ours({ clientAddresses: 'pseudonym', pseudonymSecret: 'a secret of this benchmark' }),
  'one counter of the SDK': plain,
  'nothing recorded': nothing,
};

/** Which address each block comes from; the same for all variants. */
function flood(): Uint32Array {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return Uint32Array.from({ length: BLOCKS }, () =>
    random() < HEAVY * HEAVY_SHARE ? Math.floor(random() * HEAVY) : HEAVY + Math.floor(random() * (ADDRESSES - HEAVY)),
  );
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapUsed = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

async function run(make: () => Sink, from: Uint32Array): Promise<Result> {
  const before = heapUsed();
  const sink = make();
  const byClient = new Map<string, number>();
  let counted = 0;
  let points = 0;
  let tookMs = 0;
  for (let part = 0; part < COLLECTIONS; part++) {
    const startMs = performance.now();
    const end = ((part + 1) * BLOCKS) / COLLECTIONS;
    for (let i = (part * BLOCKS) / COLLECTIONS; i < end; i++)
      sink.record(kinds[i % kinds.length]!, addressOf(from[i]!));
    tookMs += performance.now() - startMs;
    const { resourceMetrics } = await sink.reader.collect();
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const named = (name: string) =>
      (metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []) as DataPoint<number>[];
    const clients = named('vigil.security.clients');
    points = Math.max(points, clients.length);
    // The plain one is cumulative: its last collection is all.
    if (make === plain) byClient.clear();
    for (const { attributes, value } of clients) {
      const client = String(attributes['client.address'] ?? '_other');
      byClient.set(client, (byClient.get(client) ?? 0) + value);
    }
    counted = named('vigil.security.blocks').reduce((sum, { value }) => sum + value, 0);
  }
  const heapMiB = (heapUsed() - before) / 2 ** 20;
  await sink.stop();
  return { micros: (tookMs * 1000) / BLOCKS, counted, points, heapMiB, ...judge(byClient, from) };
}

function judge(byClient: Map<string, number>, from: Uint32Array) {
  const made = from.reduce((sum, n) => sum + (n < HEAVY ? 1 : 0), 0);
  const countedByClient = [...byClient.values()].reduce((sum, count) => sum + count, 0);
  const top = [...byClient].filter(([client]) => client !== '_other').toSorted(([, a], [, b]) => b - a);
  const told = heavy.reduce((sum, address) => sum + (byClient.get(address) ?? 0), 0);
  const isOnTop = top.slice(0, HEAVY).every(([client]) => heavy.includes(client));
  return { countedByClient, heavyShare: told / made, isOnTop };
}

export const benchmark: Benchmark = {
  about: 'a flood of 1,000,000 blocks from 100,000 addresses: µs a block, memory, exact totals, who is on top',
  async run() {
    const from = flood();
    const results = new Map<string, Result[]>(Object.keys(variants).map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round++)
      for (const [name, make] of Object.entries(variants)) {
        const result = await run(make, from);
        // The first round warms up.
        if (round > 0) results.get(name)!.push(result);
      }
    console.log(surroundings(['@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace']));
    console.log(`${BLOCKS} blocks, ${ADDRESSES} addresses, ${HEAVY} of them with ${HEAVY_SHARE * 100} % each\n`);
    printTable(
      ['clients as', 'µs a block', 'blocks', 'by client', 'points', 'heavy ones told', 'on top', 'heap MiB'],
      [...results].map(([name, all]) => rowOf(name, all)),
    );
    console.log('\nNames of networks and pseudonyms are not addresses: who is on top is told for addresses only.');
  },
};

function rowOf(name: string, all: readonly Result[]): string[] {
  const { counted, countedByClient, points, heavyShare, isOnTop } = all.at(-1)!;
  const hasAddresses = name === 'full addresses' || name === 'one counter of the SDK';
  return [
    name,
    median(all.map(({ micros }) => micros)).toFixed(2),
    counted === 0 ? '-' : String(counted),
    String(countedByClient),
    String(points),
    hasAddresses ? `${(100 * heavyShare).toFixed(1)} %` : '-',
    hasAddresses ? (isOnTop && heavyShare > 0 ? 'all five' : 'no') : '-',
    median(all.map(({ heapMiB }) => heapMiB)).toFixed(1),
  ];
}
