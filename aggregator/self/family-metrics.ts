/** Metric families, as a scrape shows them, in the form that OpenTelemetry's SDK exports. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { Labels, MetricFamily, Sample } from '../metrics.ts';

/** The SDK's own values, which only it may import: it is not there in every installation. */
export interface SdkKinds {
  readonly AggregationTemporality: typeof import('@opentelemetry/sdk-metrics').AggregationTemporality;
  readonly DataPointType: typeof import('@opentelemetry/sdk-metrics').DataPointType;
  readonly ValueType: typeof import('@opentelemetry/api').ValueType;
}

/** By OTLP, a start of 0 is one that is not known: totals are of all times, older than this process. */
const UNKNOWN_START: HrTime = [0, 0];

/**
 * Counters become monotonic sums without the ending `_total`, which translations to Prometheus add again, gauges and
 * histograms what they are; a summary, which the SDK does not have, a gauge of its quantiles beside `_sum` and `_count`.
 * @param nowMs time of all points, in milliseconds since the epoch
 */
export function metricsOfFamilies(families: readonly MetricFamily[], nowMs: number, kinds: SdkKinds): MetricData[] {
  const endTime: HrTime = [Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000];
  return families.filter(({ samples }) => samples.length > 0).flatMap((family) => metricsOf(family, endTime, kinds));
}

function metricsOf(family: MetricFamily, endTime: HrTime, kinds: SdkKinds): MetricData[] {
  const { name, type, samples } = family;
  if (type === 'counter') return [sumOf(family, name.replace(/_total$/, ''), samples, endTime, kinds)];
  if (type === 'gauge') return [gaugeOf(family, samples, endTime, kinds)];
  if (type === 'histogram') return [histogramOf(family, endTime, kinds)];
  const parts = Map.groupBy(samples, ({ suffix }) => suffix ?? '');
  return [...parts].map(([suffix, of]) =>
    suffix === '' ? gaugeOf(family, of, endTime, kinds) : sumOf(family, name + suffix, of, endTime, kinds),
  );
}

function sumOf(family: MetricFamily, name: string, samples: readonly Sample[], endTime: HrTime, kinds: SdkKinds) {
  return {
    descriptor: descriptorOf(family, name, kinds),
    aggregationTemporality: kinds.AggregationTemporality.CUMULATIVE,
    dataPointType: kinds.DataPointType.SUM,
    isMonotonic: true,
    dataPoints: pointsOf(samples, endTime),
  } as MetricData;
}

function gaugeOf(family: MetricFamily, samples: readonly Sample[], endTime: HrTime, kinds: SdkKinds) {
  return {
    descriptor: descriptorOf(family, family.name, kinds),
    aggregationTemporality: kinds.AggregationTemporality.CUMULATIVE,
    dataPointType: kinds.DataPointType.GAUGE,
    dataPoints: pointsOf(samples, endTime),
  } as MetricData;
}

/** Samples of a histogram come with cumulative counts, one for each upper bound, by labels without `le`. */
function histogramOf(family: MetricFamily, endTime: HrTime, kinds: SdkKinds) {
  const series = Map.groupBy(family.samples, ({ labels }) => JSON.stringify(labels.filter(([name]) => name !== 'le')));
  const dataPoints = [...series].map(([key, samples]) => {
    const of = (suffix: Sample['suffix']) => samples.filter((sample) => sample.suffix === suffix);
    const cumulative = of('_bucket').map(({ value }) => value);
    const bounds = of('_bucket').map(({ labels }) => Number(labels.find(([name]) => name === 'le')?.[1]));
    return {
      startTime: UNKNOWN_START,
      endTime,
      attributes: attributesOf(JSON.parse(key) as Labels),
      value: {
        buckets: {
          // The last bucket's bound is infinite (`+Inf` is no number to JavaScript), which OTLP leaves unsaid.
          boundaries: bounds.slice(0, -1),
          counts: cumulative.map((value, at) => value - (cumulative[at - 1] ?? 0)),
        },
        sum: of('_sum')[0]?.value ?? 0,
        count: of('_count')[0]?.value ?? 0,
      },
    };
  });
  return {
    descriptor: descriptorOf(family, family.name, kinds),
    aggregationTemporality: kinds.AggregationTemporality.CUMULATIVE,
    dataPointType: kinds.DataPointType.HISTOGRAM,
    dataPoints,
  } as MetricData;
}

function descriptorOf({ help }: MetricFamily, name: string, { ValueType }: SdkKinds) {
  return { name, description: help, unit: '', valueType: ValueType.DOUBLE };
}

function pointsOf(samples: readonly Sample[], endTime: HrTime) {
  return samples.map(({ labels, value }) => ({
    startTime: UNKNOWN_START,
    endTime,
    attributes: attributesOf(labels),
    value,
  }));
}

function attributesOf(labels: Labels): Attributes {
  return Object.fromEntries(labels);
}
