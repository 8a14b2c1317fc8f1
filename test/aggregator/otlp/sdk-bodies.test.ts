/** Bodies as the Node SDK makes them, with the resource that its own detectors find. */
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { JsonMetricsDecoder } from '../../../aggregator/otlp/metrics-json.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { type DescribedPoint, MapIdentities, tally } from '../../support/identities.ts';

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const DURATIONS = [0, 0.0002, 0.004, 0.25, 0.5, 0.75, 1, 12.5];
const providers: MeterProvider[] = [];
afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.shutdown();
});

async function collect(temporality: AggregationTemporality, exponential: boolean): Promise<ResourceMetrics> {
  const reader = new ReaderOnDemand({
    aggregationTemporalitySelector: () => temporality,
    aggregationSelector: (type) =>
      exponential && type === InstrumentType.HISTOGRAM
        ? { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 320, recordMinMax: true } }
        : { type: AggregationType.DEFAULT },
  });
  const detectors = [envDetector, hostDetector, osDetector, processDetector, serviceInstanceIdDetector];
  const resource = defaultResource()
    .merge(detectResources({ detectors }))
    .merge(resourceFromAttributes({ 'service.name': 'shop', 'service.version': '3.2.1' }));
  await resource.waitForAsyncAttributes?.();
  const provider = new MeterProvider({ resource, readers: [reader] });
  providers.push(provider);
  const meter = provider.getMeter('@vigil/mutations', '0.1.0');
  const duration = meter.createHistogram('vigil.mutation.duration', { unit: 's', description: 'Duration.' });
  for (const seconds of DURATIONS)
    duration.record(seconds, { 'vigil.mutation.name': 'TaskTourUpdate', 'vigil.mutation.outcome': 'success' });
  const requests = meter.createCounter('vigil.graphql.requests', { unit: '{request}' });
  requests.add(3, { 'graphql.operation.type': 'mutation', 'vigil.graphql.outcome': 'ok' });
  requests.add(1, { 'graphql.operation.type': 'query', 'vigil.graphql.outcome': 'error' });
  const { resourceMetrics, errors } = await reader.collect();
  expect(errors).toEqual([]);
  return resourceMetrics;
}

/** What a point must say, whatever carried it. */
function expectDurations(point: DescribedPoint, exponential: boolean, temporality: number): void {
  expect(point).toMatchObject({
    metric: {
      name: 'vigil.mutation.duration',
      scope: '@vigil/mutations@0.1.0',
      kind: exponential ? 2 : 1,
      temporality,
    },
    attributes: { 'vigil.mutation.name': 'TaskTourUpdate', 'vigil.mutation.outcome': 'success' },
    count: DURATIONS.length,
    sum: DURATIONS.reduce((a, b) => a + b, 0),
    min: 0,
    max: 12.5,
    ...(exponential && { zeroCount: 1 }),
  });
  expect(point.resource).toMatchObject({
    'service.name': 'shop',
    'service.version': '3.2.1',
    'process.pid': process.pid,
  });
  expect(point.time).toBeGreaterThanOrEqual(point.start);
  expect(point.start).toBeGreaterThan(1.7e18);
  if (exponential)
    expectCells(
      point,
      (value) => Math.ceil(Math.log2(value) * 2 ** (point.scale as number)) - 1 - (point.offset as number),
    );
  else expectCells(point, (value) => (point.edges ?? []).findIndex((edge) => value <= edge));
}

function expectCells(point: DescribedPoint, cellOf: (value: number) => number): void {
  const counts = point.counts ?? [];
  for (const value of DURATIONS)
    if (value > 0) expect(counts.at(cellOf(value)), `the cell of ${value}`).toBeGreaterThan(0);
}

describe.each([
  ['delta', AggregationTemporality.DELTA, 1],
  ['cumulative', AggregationTemporality.CUMULATIVE, 2],
] as const)('%s', (_, temporality, onTheWire) => {
  test.each([
    ['explicit', false],
    ['exponential', true],
  ])('%s histograms and counters come out as they were recorded', async (_kind, exponential) => {
    const collected = await collect(temporality, exponential);
    const identities = new MapIdentities();
    const protobuf = ProtobufMetricsSerializer.serializeRequest(collected);
    const json = JsonMetricsSerializer.serializeRequest(collected);
    if (protobuf === undefined || json === undefined) throw new Error('the SDK serialised nothing');
    const described = [new MetricsDecoder(identities), new JsonMetricsDecoder(identities)].map((decoder, i) => {
      const batch = new PointBatch();
      decoder.decode([protobuf, json][i], batch);
      expect(tally(batch)).toEqual({ points: 3, ignored: 0, empty: 0, rejected: {} });
      return identities.describe(batch);
    });
    expectDurations(described[0][0], exponential, onTheWire);
    expect(
      described[0]
        .slice(1)
        .map(({ attributes, value, metric }) => [attributes['graphql.operation.type'], value, metric.monotonic]),
    ).toEqual([
      ['mutation', 3, true],
      ['query', 1, true],
    ]);
    expect(described[1]).toEqual(described[0]);
  });
});

test('such a body is clean: it may be journaled as it came', async () => {
  const body = ProtobufMetricsSerializer.serializeRequest(await collect(AggregationTemporality.CUMULATIVE, true));
  const decoder = new MetricsDecoder(new MapIdentities());
  for (let i = 0; i < 2; i++) {
    const batch = new PointBatch();
    decoder.decode(body as Uint8Array, batch);
    expect(batch.points).toBe(3);
    expect(batch.clean).toBe(true);
  }
});
