/** OTLP requests of the benchmarks, in protobuf and in JSON. */
import type { MetricName } from '@vigil/semconv';
import { PbfWriter } from 'pbf';

export type Attributes = readonly (readonly [string, string])[];

export interface HistogramValues {
  readonly attributes: Attributes;
  readonly counts: readonly number[];
  readonly offset: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

export const EDGES = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5];
/** Scale of exponential histograms. */
export const SCALE = 3;
const SCOPE = { name: '@vigil/instrumentation-mutations', version: '0.1.0' };
/** What all instances send; their values differ by a factor only, which costs the receiver the same. */
export interface Template {
  readonly explicit: readonly HistogramValues[];
  readonly exponential: readonly HistogramValues[];
  readonly sums: readonly { readonly attributes: Attributes; readonly value: number }[];
}

const METRICS: readonly [MetricName, string][] = [
  ['vigil.lock.hold.duration', 's'],
  ['vigil.mutation.duration', 's'],
  ['vigil.task.requests', '{request}'],
];

export interface Moment {
  readonly startMs: number;
  readonly timeMs: number;
  /** What values are multiplied with: cumulative ones rise with it. */
  readonly factor: number;
}

export function resourceOf(instance: number): Attributes {
  return [
    ['service.name', 'checkout'],
    ['service.instance.id', `6f1c2a34-8b1d-4a5e-9d3f-${String(100000000000 + instance)}`],
    ['service.version', '2.14.1'],
    ['host.name', `ip-10-0-3-${instance}`],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.name', 'opentelemetry'],
    ['telemetry.sdk.version', '3.1.0'],
  ];
}

export function writeProtobuf(template: Template, resource: Attributes, moment: Moment, temporality: number): Buffer {
  const pbf = new PbfWriter();
  const attributes = (field: number, list: Attributes, to: PbfWriter) => {
    for (const [key, value] of list)
      to.writeMessage(
        field,
        (_, kv) => {
          kv.writeStringField(1, key);
          kv.writeMessage(2, (_v, any) => any.writeStringField(1, value), undefined);
        },
        undefined,
      );
  };
  const nanos = (field: number, ms: number, to: PbfWriter) => to.writeFixed64Field(field, ms * 1e6);
  const times = (to: PbfWriter) => {
    nanos(2, moment.startMs, to);
    nanos(3, moment.timeMs, to);
  };
  const histogram = (p: HistogramValues, to: PbfWriter, minField: number) => {
    times(to);
    to.writeFixed64Field(4, p.count * moment.factor);
    to.writeDoubleField(5, p.sum * moment.factor);
    to.writeDoubleField(minField, p.min);
    to.writeDoubleField(minField + 1, p.max);
  };
  const data: ((to: PbfWriter) => void)[] = [
    (to) => {
      for (const p of template.explicit)
        to.writeMessage(
          1,
          (_, point) => {
            attributes(9, p.attributes, point);
            histogram(p, point, 11);
            point.writePackedFixed64(
              6,
              p.counts.map((count) => count * moment.factor),
            );
            point.writePackedDouble(7, EDGES);
          },
          undefined,
        );
      to.writeVarintField(2, temporality);
    },
    (to) => {
      for (const p of template.exponential)
        to.writeMessage(
          1,
          (_, point) => {
            attributes(1, p.attributes, point);
            histogram(p, point, 12);
            point.writeSVarintField(6, SCALE);
            point.writeMessage(
              8,
              (_b, buckets) => {
                buckets.writeSVarintField(1, p.offset);
                buckets.writePackedVarint(
                  2,
                  p.counts.map((count) => count * moment.factor),
                );
              },
              undefined,
            );
          },
          undefined,
        );
      to.writeVarintField(2, temporality);
    },
    (to) => {
      for (const { attributes: list, value } of template.sums)
        to.writeMessage(
          1,
          (_, point) => {
            attributes(7, list, point);
            times(point);
            point.writeSFixed64Field(6, value * moment.factor);
          },
          undefined,
        );
      to.writeVarintField(2, temporality);
      to.writeBooleanField(3, true);
    },
  ];
  const fields = [9, 10, 7];
  pbf.writeMessage(
    1,
    (_, rm) => {
      rm.writeMessage(1, (_r, r) => attributes(1, resource, r), undefined);
      rm.writeMessage(
        2,
        (_s, sm) => {
          sm.writeMessage(
            1,
            (_x, scope) => {
              scope.writeStringField(1, SCOPE.name);
              scope.writeStringField(2, SCOPE.version);
            },
            undefined,
          );
          METRICS.forEach(([name, unit], i) => {
            sm.writeMessage(
              2,
              (_m, metric) => {
                metric.writeStringField(1, name);
                metric.writeStringField(3, unit);
                metric.writeMessage(fields[i], (_d, to) => data[i](to), undefined);
              },
              undefined,
            );
          });
        },
        undefined,
      );
    },
    undefined,
  );
  return Buffer.from(pbf.finish());
}

export function writeJson(
  template: Template,
  resource: Attributes,
  moment: Moment,
  aggregationTemporality: number,
): Buffer {
  const attributes = (list: Attributes) => list.map(([key, value]) => ({ key, value: { stringValue: value } }));
  const times = { startTimeUnixNano: `${moment.startMs}000000`, timeUnixNano: `${moment.timeMs}000000` };
  const totals = (p: HistogramValues) => ({
    attributes: attributes(p.attributes),
    ...times,
    count: String(p.count * moment.factor),
    sum: p.sum * moment.factor,
    min: p.min,
    max: p.max,
  });
  const counts = (p: HistogramValues) => p.counts.map((count) => String(count * moment.factor));
  const data = [
    {
      histogram: {
        aggregationTemporality,
        dataPoints: template.explicit.map((p) => ({ ...totals(p), bucketCounts: counts(p), explicitBounds: EDGES })),
      },
    },
    {
      exponentialHistogram: {
        aggregationTemporality,
        dataPoints: template.exponential.map((p) => ({
          ...totals(p),
          scale: SCALE,
          zeroCount: '0',
          positive: { offset: p.offset, bucketCounts: counts(p) },
        })),
      },
    },
    {
      sum: {
        aggregationTemporality,
        isMonotonic: true,
        dataPoints: template.sums.map((p) => ({
          attributes: attributes(p.attributes),
          ...times,
          asInt: String(p.value * moment.factor),
        })),
      },
    },
  ];
  const metrics = METRICS.map(([name, unit], i) => ({ name, unit, ...data[i] }));
  return Buffer.from(
    JSON.stringify({
      resourceMetrics: [{ resource: { attributes: attributes(resource) }, scopeMetrics: [{ scope: SCOPE, metrics }] }],
    }),
  );
}
