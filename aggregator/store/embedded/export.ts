import { metrics } from '@vigil/semconv';
import { EXPLICIT, NUMBER } from '../../otlp/batch.ts';
import type { TimeRange } from '../port.ts';
import { type RowVisitor, visitBlock } from './block.ts';
import { StoreFileError } from './database.ts';
import { ZERO_INDEX } from './rows.ts';
import type { SeriesDirectory, SeriesKey } from './series.ts';
import { type BlockSource, periodOf, TIER_MINUTES } from './tiers.ts';

const MINUTE_MS = 60_000;
const DELTA_TEMPORALITY = 1;
/** Exports of one store repeat each other under this identity, so that what is imported twice counts once. */
const INSTANCE = 'vigil-export';

interface MetricJson {
  readonly name: string;
  readonly unit: string;
  readonly data: 'sum' | 'histogram' | 'exponentialHistogram';
  readonly dataPoints: object[];
}

/**
 * What a store holds as OTLP/JSON, a line a period: the form in which the Collector writes files, and `vigil import` reads.
 * Deltas, minute by minute as far back as minutes are kept, ten minutes by ten before. Without the tables of clients who
 * met refusals: they hold addresses, are kept apart from telemetry for eight days, and must not leave with it by chance.
 */
export function* exportLines(
  directory: SeriesDirectory,
  blocks: BlockSource,
  range: TimeRange,
  onDamage: (error: StoreFileError) => void,
): Iterable<string> {
  const linesOf = (tier: number, period: number): readonly string[] => {
    try {
      return exportBlock(directory, blocks, tier, period);
    } catch (error) {
      if (!(error instanceof StoreFileError)) throw error;
      onDamage(error);
      return [];
    }
  };
  const to = Math.ceil(range.toMs / MINUTE_MS);
  let minute = periodOf(1, Math.floor(range.fromMs / MINUTE_MS));
  for (; minute < to; minute += TIER_MINUTES[1]) {
    const minutes = Array.from({ length: TIER_MINUTES[1] }, (_, i) => minute + i);
    const kept = minutes.filter((one) => blocks.writtenIn(0, one) !== undefined);
    if (kept.length === 0) yield* linesOf(1, minute);
    else for (const one of kept) yield* linesOf(0, one);
  }
}

/** @returns one line, or none where there is no block */
function exportBlock(directory: SeriesDirectory, blocks: BlockSource, tier: number, period: number): readonly string[] {
  const bytes = blocks.block(tier, period);
  if (bytes === undefined) return [];
  /** By service and version, then by metric and shape. */
  const resources = new Map<string, Map<string, MetricJson>>();
  const times = {
    startTimeUnixNano: nanoseconds(period),
    timeUnixNano: nanoseconds(period + TIER_MINUTES[tier]),
  };
  visitBlock(bytes, pointWriter(directory, resources, times));
  const resourceMetrics = [...resources].map(([key, byMetric]) => ({
    resource: { attributes: resourceAttributes(key) },
    scopeMetrics: [{ scope: { name: INSTANCE }, metrics: [...byMetric.values()].map(metricJson) }],
  }));
  return [`${JSON.stringify({ resourceMetrics })}\n`];
}

/** Rows of series that nobody knows, which earlier versions could write, are left out. */
function pointWriter(
  directory: SeriesDirectory,
  resources: Map<string, Map<string, MetricJson>>,
  times: object,
): RowVisitor {
  const add = (key: SeriesKey, point: object) => {
    const metric = metricOf(resources, key);
    metric.dataPoints.push({ attributes: pointAttributes(key), ...times, ...point });
  };
  return {
    number: (id, value) => {
      const key = directory.series[id];
      if (key !== undefined) add(key, Number.isInteger(value) ? { asInt: String(value) } : { asDouble: value });
    },
    histogram: (id, kept, total, step, scale, first, from, at, n) => {
      const key = directory.series[id];
      if (key === undefined) return;
      const [sum, min, max] = [kept[total], kept[total + step], kept[total + 2 * step]];
      const counts = Array.from({ length: n }, (_, i) => from[at + i]);
      const count = String(counts.reduce((a, b) => a + b, 0));
      const totals = { count, sum, ...(min <= max ? { min, max } : {}) };
      if (key.kind === EXPLICIT) {
        const edges = Array.from(directory.edges[key.bounds]);
        const bucketCounts = edges.concat(0).map((_, i) => String(counts[i - first] ?? 0));
        add(key, { ...totals, explicitBounds: edges, bucketCounts });
      } else {
        // Values without a bucket were put into the one at this index, and go back to being zeros.
        const zeros = scale === 4 && first === ZERO_INDEX ? (counts.shift() ?? 0) : 0;
        const positive = { offset: zeros > 0 ? first + 1 : first, bucketCounts: counts.map(String) };
        add(key, { ...totals, scale, zeroCount: String(zeros), positive });
      }
    },
  };
}

function metricOf(resources: Map<string, Map<string, MetricJson>>, { service, version, metric, kind }: SeriesKey) {
  const resource = JSON.stringify([service, version]);
  let byMetric = resources.get(resource);
  if (byMetric === undefined) resources.set(resource, (byMetric = new Map()));
  const key = `${metric} ${kind}`;
  let json = byMetric.get(key);
  if (json === undefined) {
    const data = kind === NUMBER ? 'sum' : kind === EXPLICIT ? 'histogram' : 'exponentialHistogram';
    byMetric.set(key, (json = { name: metric, unit: metrics[metric].unit, data, dataPoints: [] }));
  }
  return json;
}

function metricJson({ name, unit, data, dataPoints }: MetricJson): object {
  const monotonic = data === 'sum' ? { isMonotonic: true } : {};
  return { name, unit, [data]: { aggregationTemporality: DELTA_TEMPORALITY, ...monotonic, dataPoints } };
}

function resourceAttributes(key: string): object[] {
  const [service, version] = JSON.parse(key) as [string, string];
  const attributes = { 'service.name': service, 'service.version': version, 'service.instance.id': INSTANCE };
  return keyValues(Object.entries(attributes));
}

function pointAttributes({ metric, values }: SeriesKey): object[] {
  return keyValues(metrics[metric].attributes.map((name, i) => [name, values[i]]));
}

function keyValues(entries: readonly (readonly [string, string])[]): object[] {
  return entries.filter(([, value]) => value !== '').map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function nanoseconds(minute: number): string {
  return `${BigInt(minute * MINUTE_MS)}000000`;
}
