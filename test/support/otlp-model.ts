/** What a decoder must make of a metrics body, told a second time and plainly, from what protobufjs reads in it. */
import { type MetricName, metrics } from '@vigil/semconv';
import { keepAddress } from '../../aggregator/otlp/client-address.ts';
import { sanitise } from '../../aggregator/otlp/sanitiser.ts';
import type { DescribedPoint } from './identities.ts';
import { otlpType } from './otlp.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Stands for the value of an attribute that a metric does not declare: it is not kept. */
export const UNDECLARED = 'undeclared';

/** Whether every text in the body passes unharmed: what is made of others is not told here. */
export function isPlain(body: Uint8Array): boolean {
  const type = otlpType('ExportMetricsServiceRequest');
  let plain = true;
  JSON.stringify(type.toObject(type.decode(body), { longs: Number }), (key, value) => {
    const text = key === 'intValue' || key === 'doubleValue' ? String(value) : value;
    if (typeof text === 'string' && sanitise(text) !== text && !UUID.test(text)) plain = false;
    return value;
  });
  return plain;
}

export interface Expected {
  readonly points: readonly Omit<DescribedPoint, 'stream'>[];
  /** What tells the stream of each point apart from others, one for each point. */
  readonly streams: readonly string[];
  readonly ignored: number;
  readonly empty: number;
  readonly rejected: number;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
  readonly bytesValue?: string;
}
interface KeyValue {
  readonly key?: string;
  readonly value?: AnyValue;
}
interface Buckets {
  readonly offset?: number;
  readonly bucketCounts?: readonly number[];
}
interface Point {
  readonly attributes?: readonly KeyValue[];
  readonly startTimeUnixNano?: number;
  readonly timeUnixNano?: number;
  readonly flags?: number;
  readonly asInt?: number;
  readonly asDouble?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
  readonly scale?: number;
  readonly zeroCount?: number;
  readonly positive?: Buckets;
  readonly negative?: Buckets;
}
interface Data {
  readonly dataPoints?: readonly Point[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}
type DataName = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';
type Metric = { readonly name?: string; readonly unit?: string } & Readonly<Partial<Record<DataName, Data>>>;
interface Request {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeMetrics?: readonly {
      readonly scope?: { readonly name?: string; readonly version?: string };
      readonly metrics?: readonly Metric[];
    }[];
  }[];
}

const RECORD_KINDS: Readonly<Partial<Record<DataName, 0 | 1 | 2>>> = { sum: 0, histogram: 1, exponentialHistogram: 2 };

/** @throws when protobufjs cannot read the body */
export function expectedOf(body: Uint8Array): Expected {
  const type = otlpType('ExportMetricsServiceRequest');
  const request = type.toObject(type.decode(body), { longs: Number, bytes: String }) as Request;
  const points: Omit<DescribedPoint, 'stream'>[] = [];
  const streams: string[] = [];
  const tally = { ignored: 0, empty: 0, rejected: 0 };
  for (const { resource, scopeMetrics } of request.resourceMetrics ?? [])
    for (const { scope, metrics: sent } of scopeMetrics ?? [])
      for (const metric of sent ?? []) {
        const { data, identity } = identify(metric, `${scope?.name ?? ''}${scope?.version ? `@${scope.version}` : ''}`);
        for (const point of data?.dataPoints ?? []) {
          const state = identity === 'ignored' || identity === 'rejected' ? identity : judge(point, identity);
          if (state !== 'taken') tally[state]++;
          if (state !== 'taken' || typeof identity === 'string') continue;
          points.push({ resource: record(resource?.attributes), ...describe(point, identity) });
          streams.push(JSON.stringify([resource?.attributes, identity, record(point.attributes)]));
        }
      }
  return { points, streams, ...tally };
}

function identify(metric: Metric, scope: string) {
  const kinds: readonly DataName[] = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];
  const kindName = kinds.find((name) => metric[name] !== undefined);
  const data = kindName && metric[kindName];
  const name = metric.name ?? '';
  if (!kindName || !data || !Object.hasOwn(metrics, name)) return { data, identity: 'ignored' as const };
  const definition = metrics[name as MetricName];
  const wanted = definition.kind === 'counter' ? ['sum'] : ['histogram', 'exponentialHistogram'];
  const temporality = data.aggregationTemporality;
  const kind = RECORD_KINDS[kindName];
  const fits = wanted.includes(kindName) && ['', definition.unit].includes(metric.unit ?? '');
  if (!fits || kind === undefined || (temporality !== 1 && temporality !== 2))
    return { data, identity: 'rejected' as const };
  const monotonic = kind === 0 && data.isMonotonic === true;
  return { data, identity: { name: name as MetricName, scope, kind, temporality, monotonic } as const };
}

type Identity = Exclude<ReturnType<typeof identify>['identity'], string>;

const total = (counts: readonly number[] = []) => counts.reduce((a, b) => a + b, 0);

function judge(point: Point, { kind, monotonic }: Identity): 'taken' | 'empty' | 'rejected' {
  const value = point.asInt ?? point.asDouble;
  if ((point.flags ?? 0) % 2 === 1 || (kind === 0 && value === undefined)) return 'empty';
  if (!point.timeUnixNano) return 'rejected';
  if (kind === 0) return Number.isFinite(value) && !(monotonic && Number(value) < 0) ? 'taken' : 'rejected';
  const { count = 0, bucketCounts = [], explicitBounds: edges = [], positive = {}, negative = {}, scale = 0 } = point;
  for (const extreme of [point.min, point.max])
    if (count > 0 && extreme !== undefined && !Number.isFinite(extreme)) return 'rejected';
  if (point.sum !== undefined && !Number.isFinite(point.sum)) return 'rejected';
  if (kind === 1) {
    if (bucketCounts.length === 0 && edges.length === 0) return 'taken';
    const ascending = edges.every((edge, i) => Number.isFinite(edge) && (i === 0 || edge > edges[i - 1]));
    const fits = bucketCounts.length === edges.length + 1 && bucketCounts.length <= 4096;
    return ascending && fits && total(bucketCounts) === count ? 'taken' : 'rejected';
  }
  const n = positive.bucketCounts?.length ?? 0;
  const offset = positive.offset ?? 0;
  // The upper edge of the first bucket and the lower one of the last, as powers of two: doubles reach from -1074 to 1024.
  const holdsDoubles = n === 0 || ((offset + 1) / 2 ** scale >= -1074 && (offset + n - 1) / 2 ** scale < 1024);
  const inRange = holdsDoubles && scale >= -10 && scale <= 20 && n <= 4096;
  const sum = total(positive.bucketCounts) + total(negative.bucketCounts) + (point.zeroCount ?? 0);
  return inRange && sum === count ? 'taken' : 'rejected';
}

function describe(point: Point, metric: Identity): Omit<DescribedPoint, 'stream' | 'resource'> {
  const declared: readonly string[] = metrics[metric.name].attributes;
  const attributes = Object.fromEntries(
    Object.entries(record(point.attributes)).map(([key, value]) => [
      key,
      declared.includes(key) ? declaredValue(key, value) : UNDECLARED,
    ]),
  );
  const common = { metric, attributes, start: point.startTimeUnixNano ?? 0, time: point.timeUnixNano ?? 0 };
  if (metric.kind === 0) return { ...common, value: point.asInt ?? point.asDouble };
  const count = point.count ?? 0;
  const extreme = (value = Number.NaN) => (count === 0 && !Number.isFinite(value) ? Number.NaN : value);
  const totals = { count, sum: point.sum ?? Number.NaN, min: extreme(point.min), max: extreme(point.max) };
  if (metric.kind === 1)
    return {
      ...common,
      ...totals,
      edges: (point.explicitBounds ?? []).map(unsigned),
      // Totals only are one bucket.
      counts: point.bucketCounts?.length ? point.bucketCounts : [count],
    };
  return {
    ...common,
    ...totals,
    scale: point.scale ?? 0,
    zeroCount: (point.zeroCount ?? 0) + total(point.negative?.bucketCounts),
    offset: (point.positive?.bucketCounts ?? []).length === 0 ? 0 : (point.positive?.offset ?? 0),
    counts: point.positive?.bucketCounts ?? [],
  };
}

/** An edge of -0 is one of 0. */
const unsigned = (edge: number): number => edge + 0;

const keepClient = keepAddress('full', '');

/** Clients have a validator of their own. */
function declaredValue(key: string, value: string | number | boolean): string | number | boolean {
  return key === 'client.address' ? keepClient(String(value)) : value;
}

function record(attributes: readonly KeyValue[] = []): Record<string, string | number | boolean> {
  return Object.fromEntries(attributes.map(({ key = '', value = {} }) => [key, attributeValue(value)]));
}

function attributeValue(value: AnyValue): string | number | boolean {
  const plain = plainValue(value);
  if (value.bytesValue === undefined && (typeof plain !== 'object' || plain === null))
    return (plain as string | number | boolean | null) ?? '';
  return JSON.stringify(plain);
}

function plainValue({ stringValue, boolValue, intValue, doubleValue, bytesValue, ...nested }: AnyValue): unknown {
  if (nested.arrayValue) return (nested.arrayValue.values ?? []).map(plainValue);
  if (nested.kvlistValue)
    return Object.fromEntries(
      (nested.kvlistValue.values ?? []).map(({ key = '', value = {} }) => [key, plainValue(value)]),
    );
  return stringValue ?? boolValue ?? intValue ?? doubleValue ?? bytesValue ?? null;
}
