import { describe, expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { JsonMetricsDecoder } from '../../../aggregator/otlp/metrics-json.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { MapIdentities, tally } from '../../support/identities.ts';
import { bytesOf, counter, exponential, histogram, TIME } from '../../support/otlp-requests.ts';

function decodeBoth(request: object) {
  return [
    [new MetricsDecoder(new MapIdentities()), bytesOf(request)] as const,
    [new JsonMetricsDecoder(new MapIdentities()), Buffer.from(JSON.stringify(request))] as const,
  ].map(([decoder, body]) => {
    const batch = new PointBatch();
    decoder.decode(body, batch);
    return tally(batch);
  });
}

const many = (n: number) => new Array<string>(n).fill('1');

describe('what is not taken, and why', () => {
  const taken = { points: 1, ignored: 0, empty: 0, rejected: {} };
  const rejected = (reason: string) => ({ points: 0, ignored: 0, empty: 0, rejected: { [reason]: 1 } });
  const cases: readonly (readonly [what: string, request: object, result: object])[] = [
    ['a sound counter', counter(), taken],
    ['a counter without a unit', counter({ metric: { unit: '' } }), taken],
    ['a counter of another unit', counter({ metric: { unit: 'ms' } }), rejected('wrong unit')],
    ['a counter that falls', counter({ data: { isMonotonic: false } }), taken],
    [
      'a counter sent as a gauge',
      counter({ metric: { sum: undefined, gauge: { dataPoints: [{ timeUnixNano: TIME, asInt: '1' }] } } }),
      rejected('wrong kind of metric'),
    ],
    [
      'a counter without a temporality',
      counter({ data: { aggregationTemporality: 0 } }),
      rejected('no aggregation temporality'),
    ],
    [
      'a metric that nobody knows',
      counter({ metric: { name: 'http.server.requests' } }),
      { ...taken, points: 0, ignored: 1 },
    ],
    [
      'a metric with the name of a method',
      counter({ metric: { name: 'toString' } }),
      { ...taken, points: 0, ignored: 1 },
    ],
    ['a point without a time', counter({ point: { timeUnixNano: '0' } }), rejected('no time')],
    ['a point without a value', counter({ point: { asInt: undefined } }), { ...taken, points: 0, empty: 1 }],
    ['a point with no recorded value', counter({ point: { flags: 1 } }), { ...taken, points: 0, empty: 1 }],
    [
      'a number that is none',
      counter({ point: { asInt: undefined, asDouble: 'NaN' } }),
      rejected('not a finite number'),
    ],
    [
      'a number without end',
      counter({ point: { asInt: undefined, asDouble: '-Infinity' } }),
      rejected('not a finite number'),
    ],
    ['a number below zero of a counter that only grows', counter({ point: { asInt: '-1' } }), rejected('below zero')],
    [
      'a number below zero of a counter that falls',
      counter({ data: { isMonotonic: false }, point: { asInt: '-1' } }),
      taken,
    ],
    ['a sound histogram', histogram({}), taken],
    ['a histogram of totals only', histogram({ bucketCounts: [], explicitBounds: [] }), taken],
    ['a histogram of one bucket', histogram({ bucketCounts: ['3'], explicitBounds: [] }), taken],
    [
      'a histogram as a sum',
      histogram(
        {},
        { histogram: undefined, sum: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: TIME, asInt: '1' }] } },
      ),
      rejected('wrong kind of metric'),
    ],
    ['a bucket too few', histogram({ bucketCounts: ['3'] }), rejected('malformed histogram')],
    ['edges without buckets', histogram({ bucketCounts: [] }), rejected('malformed histogram')],
    [
      'edges that do not rise',
      histogram({ bucketCounts: ['1', '1', '1'], explicitBounds: [0.5, 0.5] }),
      rejected('malformed histogram'),
    ],
    ['an edge without end', histogram({ explicitBounds: ['Infinity'] }), rejected('malformed histogram')],
    ['buckets that are not the count', histogram({ count: '4' }), rejected('malformed histogram')],
    ['a sum that is no number', histogram({ sum: 'NaN' }), rejected('not a finite number')],
    ['a maximum without end', histogram({ max: 'Infinity' }), rejected('not a finite number')],
    [
      'a maximum of no values',
      histogram({ count: '0', bucketCounts: ['0', '0'], min: 'Infinity', max: '-Infinity' }),
      taken,
    ],
    [
      'as many buckets as may be',
      histogram({ count: '4096', bucketCounts: many(4096), explicitBounds: many(4095).map((_, i) => i) }),
      taken,
    ],
    [
      'more buckets than may be',
      histogram({ count: '5000', bucketCounts: many(5000), explicitBounds: many(4999).map((_, i) => i) }),
      rejected('malformed histogram'),
    ],
    ['a sound exponential histogram', exponential({}), taken],
    [
      'negative values',
      exponential({ count: '6', zeroCount: '1', negative: { offset: 9, bucketCounts: ['2'] } }),
      taken,
    ],
    ['a scale too fine', exponential({ scale: 21 }), rejected('malformed histogram')],
    ['a scale too coarse', exponential({ scale: -11 }), rejected('malformed histogram')],
    [
      'a bucket below all numbers',
      exponential({ scale: -10, positive: { offset: -4, bucketCounts: ['1', '2'] } }),
      rejected('malformed histogram'),
    ],
    [
      'a bucket above all numbers',
      exponential({ scale: 4, positive: { offset: 16383, bucketCounts: ['1', '2'] } }),
      rejected('malformed histogram'),
    ],
    [
      'indexes beyond 32 bits',
      exponential({ positive: { offset: 2147483647, bucketCounts: ['1', '2'] } }),
      rejected('malformed histogram'),
    ],
    [
      'the last index there is',
      exponential({ scale: 4, positive: { offset: 16382, bucketCounts: ['1', '2'] } }),
      taken,
    ],
    [
      'more exponential buckets than may be',
      exponential({ count: '4097', positive: { bucketCounts: many(4097) } }),
      rejected('malformed histogram'),
    ],
    ['a count that leaves something out', exponential({ zeroCount: '1' }), rejected('malformed histogram')],
  ];
  test.each(cases)('%s', (_, request, result) => {
    expect(decodeBoth(request)).toEqual([result, result]);
  });

  test('points beyond the bound on streams', () => {
    const identities = new MapIdentities();
    identities.stream = () => -1;
    const batch = new PointBatch();
    new MetricsDecoder(identities).decode(bytesOf(counter()), batch);
    expect(tally(batch)).toEqual(rejected('too many streams'));
    batch.reset();
    new JsonMetricsDecoder(identities).decode(Buffer.from(JSON.stringify(counter())), batch);
    expect(tally(batch)).toEqual(rejected('too many streams'));
    expect(batch.length).toBe(0);
  });
});

test('a histogram of totals only is one of one bucket, and counts as that', () => {
  const identities = new MapIdentities();
  const totals = histogram({ bucketCounts: [], explicitBounds: [], sum: 4 });
  const bucket = histogram({ bucketCounts: ['3'], explicitBounds: [], sum: 4 });
  const described = [totals, bucket].flatMap((request) => {
    const batches = [new PointBatch(), new PointBatch()];
    new MetricsDecoder(identities).decode(bytesOf(request), batches[0]);
    new JsonMetricsDecoder(identities).decode(Buffer.from(JSON.stringify(request)), batches[1]);
    return batches.flatMap((batch) => identities.describe(batch));
  });
  for (const point of described) expect(point).toEqual(described[3]);
  expect(described[3]).toMatchObject({ count: 3, counts: [3], edges: [] });
});
