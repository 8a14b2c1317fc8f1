/** Metrics bodies as fast-check makes them: OTLP's JSON with numbers, of known and unknown metrics, mostly sound. */
import { metrics } from '@vigil/semconv';
import fc from 'fast-check';

const keyValue = (key: string, value: string | number | boolean) => ({
  key,
  value:
    typeof value === 'string'
      ? { stringValue: value }
      : typeof value === 'boolean'
        ? { boolValue: value }
        : Number.isInteger(value)
          ? { intValue: value }
          : { doubleValue: value },
});

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('TaskTourUpdate', 'success', 'failure', 'PERMISSION_DENIED', 'crème', '') },
  fc.integer({ min: -5, max: 5 }),
  fc.boolean(),
  fc.constantFrom(0.5, -1.25),
);
const keys = [...new Set(Object.values(metrics).flatMap((metric) => metric.attributes)), 'app.region', 'tenant'];
const attributes = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...keys), value), { selector: ([key]) => key, maxLength: 4 })
  .map((pairs) => pairs.map(([key, of]) => keyValue(key, of)));

/** Times as a double knows them: the model compares doubles. */
const nanos = fc
  .integer({ min: 1, max: 1_000_000 })
  .map((s) => String(BigInt(Number(1_790_000_000_000_000_000n + BigInt(s) * 1_000_000_000n))));
const times = fc.record({ startTimeUnixNano: nanos, timeUnixNano: nanos });
const flags = fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, fc.record({ flags: fc.integer({ min: 0, max: 3 }) }));
/** Without the negative zero, which JSON does not know. */
const double = fc.oneof(
  { weight: 8, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0) },
  fc.constantFrom(0, 1e300, Number.NaN, Infinity),
);
const optionalDouble = fc.option(double, { nil: undefined });
const count = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 40 }));
const sumOf = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
/** Adds to a count what makes it wrong, now and then. */
const error = fc.oneof({ weight: 15, arbitrary: fc.constant(0) }, fc.constant(1));

const numberPoint = fc
  .tuple(
    attributes,
    times,
    flags,
    fc.oneof(fc.record({ asInt: fc.integer() }), fc.record({ asDouble: double }), fc.constant({})),
  )
  .map(([of, at, flag, number]) => ({ attributes: of, ...at, ...flag, ...number }));

const EDGES = [[], [0], [0.1, 0.5, 1, 5], [-1, 0, 1], [1, 1], [2, 1]];
const histogramPoint = fc.constantFrom(...EDGES).chain((explicitBounds) =>
  fc
    .tuple(
      attributes,
      times,
      flags,
      fc.oneof(
        {
          weight: 9,
          arbitrary: fc.array(count, { minLength: explicitBounds.length + 1, maxLength: explicitBounds.length + 1 }),
        },
        fc.array(count, { maxLength: 3 }),
      ),
      fc.record({ sum: optionalDouble, min: optionalDouble, max: optionalDouble }),
      error,
    )
    .map(([of, at, flag, bucketCounts, totals, wrong]) => ({
      attributes: of,
      ...at,
      ...flag,
      ...totals,
      explicitBounds,
      bucketCounts,
      count: sumOf(bucketCounts) + wrong,
    })),
);

const buckets = fc.record({
  offset: fc.integer({ min: -300, max: 300 }),
  bucketCounts: fc.array(count, { maxLength: 12 }),
});
const exponentialPoint = fc
  .tuple(
    attributes,
    times,
    flags,
    fc.record({ scale: fc.integer({ min: -11, max: 21 }), zeroCount: count, positive: buckets, negative: buckets }),
    fc.record({ sum: optionalDouble, min: optionalDouble, max: optionalDouble }),
    error,
  )
  .map(([of, at, flag, body, totals, wrong]) => ({
    attributes: of,
    ...at,
    ...flag,
    ...body,
    ...totals,
    count: sumOf(body.positive.bucketCounts) + sumOf(body.negative.bucketCounts) + body.zeroCount + wrong,
  }));

const temporality = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(1, 2) }, fc.constant(0));
const data = fc.oneof(
  fc.record({
    sum: fc.record({
      aggregationTemporality: temporality,
      isMonotonic: fc.boolean(),
      dataPoints: fc.array(numberPoint, { maxLength: 4 }),
    }),
  }),
  fc.record({
    histogram: fc.record({
      aggregationTemporality: temporality,
      dataPoints: fc.array(histogramPoint, { maxLength: 4 }),
    }),
  }),
  fc.record({
    exponentialHistogram: fc.record({
      aggregationTemporality: temporality,
      dataPoints: fc.array(exponentialPoint, { maxLength: 4 }),
    }),
  }),
  fc.record({ gauge: fc.record({ dataPoints: fc.array(numberPoint, { maxLength: 2 }) }) }),
);

const names = Object.keys(metrics) as (keyof typeof metrics)[];
/** Known metrics with the data of their kind as a rule: any data with any name would seldom fit. */
const metric = fc
  .tuple(
    fc.constantFrom(...names, 'http.server.request.duration'),
    data,
    fc.constantFrom('', 'own', 'own', 'other'),
    fc.boolean(),
  )
  .map(([name, of, unit, described]) => {
    const kind = name in metrics ? metrics[name as keyof typeof metrics].kind : undefined;
    const known = names.filter((other) => metrics[other].kind === ('sum' in of ? 'counter' : 'histogram'));
    const fitting = kind !== undefined && unit === 'own' ? known[name.length % known.length] : name;
    const own = fitting in metrics ? metrics[fitting as keyof typeof metrics].unit : '1';
    return {
      name: fitting,
      unit: unit === 'own' ? own : unit,
      ...(described && { description: 'What it is.' }),
      ...of,
    };
  });

const resource = fc
  .tuple(fc.constantFrom('shop', 'back-office'), fc.constantFrom('1.0.0', '1.0.1'), fc.uuid(), fc.boolean())
  .map(([service, version, instance, withPid]) => ({
    attributes: [
      keyValue('service.name', service),
      keyValue('service.version', version),
      keyValue('service.instance.id', instance),
      ...(withPid ? [keyValue('process.pid', 4711)] : []),
    ],
  }));
const scope = fc.record({
  name: fc.constantFrom('@vigil/mutations', 'by-hand'),
  version: fc.constantFrom('', '0.1.0'),
});

/** An ExportMetricsServiceRequest. */
export const metricsRequest = fc.record({
  resourceMetrics: fc.array(
    fc.record({
      resource,
      scopeMetrics: fc.array(fc.record({ scope, metrics: fc.array(metric, { maxLength: 4 }) }), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
