import { ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import type { MetricFamily } from '../../../aggregator/metrics.ts';
import { metricsOfFamilies } from '../../../aggregator/self/family-metrics.ts';

const kinds = { AggregationTemporality, DataPointType, ValueType };
const read = (...families: MetricFamily[]) =>
  metricsOfFamilies(families, 1500, kinds).map(({ descriptor, dataPointType, dataPoints }) => ({
    name: descriptor.name,
    type: DataPointType[dataPointType],
    points: dataPoints.map(({ attributes, value, startTime, endTime }) => ({ attributes, value, startTime, endTime })),
  }));
const times = { startTime: [0, 0], endTime: [1, 500_000_000] };

test('a counter is a sum without the ending that translations add again', () => {
  const samples = [{ labels: [['status', 'success']] as const, value: 3 }];
  expect(read({ name: 'graphql_mutations_total', type: 'counter', help: 'All.', samples })).toEqual([
    {
      name: 'graphql_mutations_total'.slice(0, -6),
      type: 'SUM',
      points: [{ attributes: { status: 'success' }, value: 3, ...times }],
    },
  ]);
});

test('a gauge is one, and a family without samples is left out', () => {
  const gauge = { name: 'age_seconds', type: 'gauge', help: 'Age.' } as const;
  expect(read({ ...gauge, samples: [{ labels: [], value: 0.5 }] }, { ...gauge, samples: [] })).toEqual([
    { name: 'age_seconds', type: 'GAUGE', points: [{ attributes: {}, value: 0.5, ...times }] },
  ]);
});

test('a histogram has the counts of its buckets, by labels', () => {
  const bucket = (le: string, value: number) => ({
    suffix: '_bucket' as const,
    labels: [
      ['m', 'a'],
      ['le', le],
    ] as const,
    value,
  });
  const of = [['m', 'a']] as const;
  const samples = [
    bucket('0.5', 2),
    bucket('1', 5),
    bucket('+Inf', 6),
    { suffix: '_sum' as const, labels: of, value: 4.5 },
    { suffix: '_count' as const, labels: of, value: 6 },
  ];
  expect(read({ name: 'duration_seconds', type: 'histogram', help: 'Time.', samples })[0]?.points).toEqual([
    {
      attributes: { m: 'a' },
      value: { buckets: { boundaries: [0.5, 1], counts: [2, 3, 1] }, sum: 4.5, count: 6 },
      ...times,
    },
  ]);
});

test('a summary is a gauge of its quantiles beside two sums', () => {
  const samples = [
    { labels: [['quantile', '0.95']] as const, value: 0.2 },
    { suffix: '_sum' as const, labels: [], value: 9 },
    { suffix: '_count' as const, labels: [], value: 4 },
  ];
  const metrics = read({ name: 'd', type: 'summary', help: 'Time.', samples });
  expect(metrics.map(({ name, type, points }) => [name, type, points[0]?.value])).toEqual([
    ['d', 'GAUGE', 0.2],
    ['d_sum', 'SUM', 9],
    ['d_count', 'SUM', 4],
  ]);
});
