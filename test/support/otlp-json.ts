/** Bodies of OTLP/JSON, written from what a test knows about its points. */
import { type MetricName, metrics } from '@vigil/semconv';

export interface PointDescription {
  readonly metric: MetricName;
  readonly service?: string;
  /** '' for a sender that says nothing of itself. */
  readonly instance: string;
  readonly version?: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly cumulative: boolean;
  readonly startMs: number;
  readonly timeMs: number;
  /** Every value that the point counts: all since `startMs` when cumulative. */
  readonly values: readonly number[];
  /** How they are shown. */
  readonly shape: 'sum' | 'explicit' | { readonly scale: number };
  readonly edges?: readonly number[];
}

const DEFAULT_EDGES = [0.1, 0.5, 1, 5];

function keyValues(record: Readonly<Record<string, string>>) {
  return Object.entries(record).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function nanoseconds(ms: number): string {
  return `${BigInt(Math.round(ms)) * 1_000_000n}`;
}

/** One point as the data of its metric. */
function dataOf(point: PointDescription): object {
  const aggregationTemporality = point.cumulative ? 2 : 1;
  const common = {
    attributes: keyValues(point.attributes),
    startTimeUnixNano: nanoseconds(point.startMs),
    timeUnixNano: nanoseconds(point.timeMs),
  };
  const { values, shape } = point;
  if (shape === 'sum')
    return {
      sum: { aggregationTemporality, isMonotonic: true, dataPoints: [{ ...common, asInt: `${values.length}` }] },
    };
  const totals = {
    ...common,
    count: `${values.length}`,
    sum: values.reduce((a, b) => a + b, 0),
    ...(values.length > 0 ? { min: Math.min(...values), max: Math.max(...values) } : {}),
  };
  if (shape === 'explicit') {
    const explicitBounds = point.edges ?? DEFAULT_EDGES;
    const bucketCounts = new Array<number>(explicitBounds.length + 1).fill(0);
    for (const value of values) {
      const at = explicitBounds.findIndex((edge) => value <= edge);
      bucketCounts[at < 0 ? explicitBounds.length : at]++;
    }
    return {
      histogram: {
        aggregationTemporality,
        dataPoints: [{ ...totals, explicitBounds, bucketCounts: bucketCounts.map(String) }],
      },
    };
  }
  const indexes = values.map((value) => Math.ceil(Math.log2(value) * 2 ** shape.scale) - 1);
  const offset = values.length > 0 ? Math.min(...indexes) : 0;
  const bucketCounts = new Array<number>(values.length > 0 ? Math.max(...indexes) - offset + 1 : 0).fill(0);
  for (const index of indexes) bucketCounts[index - offset]++;
  const positive = { offset, bucketCounts: bucketCounts.map(String) };
  return {
    exponentialHistogram: {
      aggregationTemporality,
      dataPoints: [{ ...totals, scale: shape.scale, zeroCount: '0', positive }],
    },
  };
}

/** A request with one metric a point. */
export function metricsBody(points: readonly PointDescription[]): Buffer {
  const resourceMetrics = points.map((point) => ({
    resource: {
      attributes: keyValues({
        'service.name': point.service ?? 'shop',
        ...(point.instance === '' ? {} : { 'service.instance.id': point.instance }),
        ...(point.version === undefined ? {} : { 'service.version': point.version }),
      }),
    },
    scopeMetrics: [
      {
        scope: { name: 'test' },
        metrics: [{ name: point.metric, unit: metrics[point.metric].unit, ...dataOf(point) }],
      },
    ],
  }));
  return Buffer.from(JSON.stringify({ resourceMetrics }));
}
