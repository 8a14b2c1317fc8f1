/** The stretch as five senders tell it in OTLP/JSON, one line a minute: cumulative and delta, exponential and explicit. */
import { type MetricName, metrics } from '@vigil/semconv';
import { type Minute, type Mutation, RESTART_MINUTES } from './stretch.ts';

const MINUTE_MS = 60_000;
const SCALE = 4;
/** Of the sender that has no edge at half a second: what lies in 0.4 to 0.8 is shared out. */
export const COARSE_EDGES = [0.1, 0.4, 0.8, 2];

interface Sender {
  readonly instance: string;
  readonly service: string;
  readonly isCumulative: boolean;
  readonly shape: 'exponential' | 'explicit';
}

type SenderName = 'first' | 'second' | 'coarse' | 'worker' | 'edge';

const SENDERS: Readonly<Record<SenderName, Sender>> = {
  /** Starts anew. */
  first: { service: 'shop', instance: 'shop-1', isCumulative: true, shape: 'exponential' },
  second: { service: 'shop', instance: 'shop-2', isCumulative: false, shape: 'exponential' },
  coarse: { service: 'legacy', instance: 'legacy-1', isCumulative: true, shape: 'explicit' },
  worker: { service: 'tasks', instance: 'worker-1', isCumulative: true, shape: 'exponential' },
  edge: { service: 'edge', instance: 'edge-1', isCumulative: false, shape: 'exponential' },
};

/** Which sender a mutation of a minute is counted by; every fiftieth by the one with coarse edges. */
export function senderOf(index: number): 'first' | 'second' | 'coarse' {
  return index % 50 === 9 ? 'coarse' : index % 2 === 0 ? 'first' : 'second';
}

type Attributes = Readonly<Record<string, string>>;

/** Values of one stream of a minute, each with how often it came. */
interface Counted {
  readonly sender: SenderName;
  readonly metric: MetricName;
  readonly attributes: Attributes;
  readonly values: Map<number, number>;
}

/**
 * A line for every minute, '' where nothing is sent.
 * @param startMs when minute 0 begins, Unix ms; each line tells of its minute on the stroke of the next
 */
export function* linesOf(stretch: readonly Minute[], startMs: number): Generator<string> {
  const totals = new Map<string, Counted>();
  let firstStartMs = startMs;
  for (const [minute, what] of stretch.entries()) {
    const fromMs = startMs + minute * MINUTE_MS;
    if (RESTART_MINUTES.includes(minute)) {
      firstStartMs = fromMs;
      for (const [key, { sender }] of totals) if (sender === 'first') totals.delete(key);
    }
    const fresh = countedOf(what);
    for (const counted of fresh) if (SENDERS[counted.sender].isCumulative) addTo(totals, counted);
    const told = [...totals.values(), ...fresh.filter(({ sender }) => !SENDERS[sender].isCumulative)];
    const sinceMs = ({ sender }: Counted) =>
      !SENDERS[sender].isCumulative ? fromMs : sender === 'first' ? firstStartMs : startMs;
    yield what.isReporting ? lineOf(told, sinceMs, fromMs + MINUTE_MS) : '';
  }
}

function countedOf({ mutations, keys, duplicated, isAttacked }: Minute): Counted[] {
  const all = new Map<string, Counted>();
  const count = (sender: SenderName, metric: MetricName, attributes: Attributes, value = 1, times = 1) =>
    addTo(all, { sender, metric, attributes, values: new Map([[value, times]]) });
  mutations.forEach((mutation, i) => {
    count(senderOf(i), 'vigil.mutation.duration', mutationAttributes(mutation), mutation.seconds);
  });
  const task = { 'vigil.task.name': 'send_email', 'vigil.idempotency.scope': 'user' };
  const admitted = { ...task, 'vigil.idempotency.outcome': 'executed' };
  if (keys > 0) count('worker', 'vigil.task.requests', admitted, 1, keys);
  if (duplicated > 0) count('worker', 'vigil.task.duplicated_keys', task, 1, duplicated);
  if (mutations.length > 0) count('edge', 'vigil.graphql.requests', request('mutation', 'ok'), 1, mutations.length);
  if (isAttacked) attack(count);
  return [...all.values()];
}

type Count = (sender: SenderName, metric: MetricName, attributes: Attributes, value?: number, times?: number) => void;

/** Of one minute: enough of everything that the threat score becomes critical, and not much more. */
const ATTACK = [
  { category: 'sqli', pattern: 'union', times: 5 },
  { category: 'csrf', pattern: 'token', times: 3 },
  { category: 'origin', pattern: 'origin', times: 3 },
  { category: 'rate_limit', pattern: 'requests', times: 12 },
];
const ATTACKERS = 40;

function attack(count: Count): void {
  for (const { category, pattern, times } of ATTACK) {
    const kind = { 'vigil.security.category': category, 'vigil.security.pattern': pattern };
    const action = { 'vigil.security.action': 'blocked', 'vigil.security.surface': 'graphql' };
    count('edge', 'vigil.security.blocks', { ...kind, ...action }, 1, times);
    count('edge', 'vigil.graphql.requests', request('unknown', 'blocked'), 1, times);
  }
  for (let i = 0; i < ATTACKERS; i++)
    count('edge', 'vigil.security.clients', {
      'client.address': `203.0.113.${i + 1}`,
      'vigil.security.category': 'sqli',
      'vigil.security.pattern': 'union',
    });
}

function request(type: string, outcome: string): Attributes {
  return { 'graphql.operation.type': type, 'vigil.graphql.outcome': outcome };
}

function mutationAttributes({ name, outcome }: Mutation): Attributes {
  const named = { 'vigil.mutation.name': name, 'vigil.mutation.outcome': outcome };
  return outcome === 'success' ? named : { ...named, 'error.type': 'TIMEOUT' };
}

function addTo(all: Map<string, Counted>, more: Counted): void {
  const key = JSON.stringify([more.sender, more.metric, more.attributes]);
  const known = all.get(key);
  if (known === undefined) all.set(key, { ...more, values: new Map(more.values) });
  else for (const [value, times] of more.values) known.values.set(value, (known.values.get(value) ?? 0) + times);
}

function lineOf(told: readonly Counted[], sinceMs: (counted: Counted) => number, timeMs: number): string {
  const resourceMetrics = [...Map.groupBy(told, ({ sender }) => sender)].map(([sender, of]) => ({
    resource: {
      attributes: keyValues({
        'service.name': SENDERS[sender].service,
        'service.instance.id': SENDERS[sender].instance,
      }),
    },
    scopeMetrics: [
      {
        scope: { name: 'parity' },
        metrics: [...Map.groupBy(of, ({ metric }) => metric)].map(([metric, streams]) => ({
          name: metric,
          unit: metrics[metric].unit,
          ...dataOf(sender, streams, sinceMs, timeMs),
        })),
      },
    ],
  }));
  return JSON.stringify({ resourceMetrics });
}

function dataOf(
  sender: SenderName,
  streams: readonly Counted[],
  sinceMs: (counted: Counted) => number,
  timeMs: number,
): object {
  const { isCumulative, shape } = SENDERS[sender];
  const aggregationTemporality = isCumulative ? 2 : 1;
  const common = (counted: Counted) => ({
    attributes: keyValues(counted.attributes),
    startTimeUnixNano: nanoseconds(sinceMs(counted)),
    timeUnixNano: nanoseconds(timeMs),
  });
  if (metrics[streams[0].metric].kind === 'counter') {
    const dataPoints = streams.map((counted) => ({ ...common(counted), asInt: String(totalOf(counted)) }));
    return { sum: { aggregationTemporality, isMonotonic: true, dataPoints } };
  }
  const buckets = shape === 'explicit' ? explicitBuckets : exponentialBuckets;
  const dataPoints = streams.map((counted) => ({ ...common(counted), ...totals(counted), ...buckets(counted) }));
  const name = shape === 'explicit' ? 'histogram' : 'exponentialHistogram';
  return { [name]: { aggregationTemporality, dataPoints } };
}

function totalOf({ values }: Counted): number {
  return [...values.values()].reduce((sum, times) => sum + times, 0);
}

function totals(counted: Counted) {
  const seconds = [...counted.values.keys()];
  const sum = [...counted.values].reduce((all, [value, times]) => all + value * times, 0);
  return { count: String(totalOf(counted)), sum, min: Math.min(...seconds), max: Math.max(...seconds) };
}

function explicitBuckets({ values }: Counted) {
  const counts = new Array<number>(COARSE_EDGES.length + 1).fill(0);
  for (const [value, times] of values) {
    const at = COARSE_EDGES.findIndex((edge) => value <= edge);
    counts[at < 0 ? COARSE_EDGES.length : at] += times;
  }
  return { explicitBounds: COARSE_EDGES, bucketCounts: counts.map(String) };
}

function exponentialBuckets({ values }: Counted) {
  const indexOf = (value: number) => Math.ceil(Math.log2(value) * 2 ** SCALE) - 1;
  const indexes = [...values.keys()].map(indexOf);
  const offset = Math.min(...indexes);
  const counts = new Array<number>(Math.max(...indexes) - offset + 1).fill(0);
  for (const [value, times] of values) counts[indexOf(value) - offset] += times;
  return { scale: SCALE, zeroCount: '0', positive: { offset, bucketCounts: counts.map(String) } };
}

function keyValues(record: Attributes) {
  return Object.entries(record).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function nanoseconds(ms: number): string {
  return `${ms}000000`;
}
