import { AggregationType } from '@opentelemetry/sdk-metrics';
import { attributes, metrics } from '@vigil/semconv';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cardinalityLimitOf, histogramAggregationFromEnvironment, vigilViews } from '../../otel-config/views.ts';

afterEach(() => vi.unstubAllEnvs());

test('there is one View a metric, with the attributes of the registry as its allow-list', () => {
  const views = vigilViews();
  expect(views.map(({ instrumentName }) => instrumentName)).toEqual(Object.keys(metrics));
  const everything = Object.fromEntries([...Object.keys(attributes), 'user.id'].map((key) => [key, 'x']));
  for (const [index, { attributes: allowed }] of Object.values(metrics).entries()) {
    const kept = views[index]?.attributesProcessors?.[0]?.process(everything);
    expect(Object.keys(kept ?? {}).toSorted()).toEqual([...allowed].toSorted());
  }
});

test.each([
  ['base2_exponential_bucket_histogram', AggregationType.EXPONENTIAL_HISTOGRAM],
  ['explicit_bucket_histogram', AggregationType.EXPLICIT_BUCKET_HISTOGRAM],
] as const)('%s holds for histograms alone', (histogramAggregation, type) => {
  for (const { instrumentName, aggregation } of vigilViews({ histogramAggregation })) {
    const { kind } = metrics[instrumentName as keyof typeof metrics];
    expect(aggregation?.type, instrumentName).toBe(kind === 'histogram' ? type : AggregationType.SUM);
  }
});

describe('cardinality', () => {
  test('closed sets bound themselves, with room for the overflow', () => {
    expect(cardinalityLimitOf(metrics['vigil.graphql.requests'])).toBe(5 * 4 + 1);
  });

  test('an open value has the limit of the specification', () => {
    expect(cardinalityLimitOf(metrics['vigil.mutation.duration'])).toBe(2000);
    expect(cardinalityLimitOf(metrics['vigil.task.requests'])).toBe(2000);
  });
});

test.each([
  [undefined, undefined, 'base2_exponential_bucket_histogram'],
  ['explicit_bucket_histogram', undefined, 'explicit_bucket_histogram'],
  ['nonsense', undefined, 'base2_exponential_bucket_histogram'],
  ['base2_exponential_bucket_histogram', 'otlp,prometheus', 'explicit_bucket_histogram'],
])('histograms asked for as %s and exported by %s are %s', (aggregation, exporters, expected) => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', aggregation);
  vi.stubEnv('OTEL_METRICS_EXPORTER', exporters);
  expect(histogramAggregationFromEnvironment()).toBe(expected);
});
