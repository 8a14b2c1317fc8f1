/** Percentiles against those of the raw durations, by the real SDK's histograms over the real wire format. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { afterAll, describe, expect, test } from 'vitest';
import { quantile } from '../../../aggregator/domain/histogram.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { runs } from '../../support/runs.ts';

const root = mkdtempSync(join(tmpdir(), 'vigil-percentiles-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** A small generator with a seed, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = randomFrom(20260115);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const shapes: Record<string, () => number> = {
  'log-normal': () => Math.exp(Math.log(0.08) + 0.8 * normal()),
  'wide log-normal': () => Math.exp(Math.log(0.05) + 1.6 * normal()),
  bimodal: () => (random() < 0.7 ? 0.02 * Math.exp(0.05 * normal()) : 1.3 * Math.exp(0.03 * normal())),
  'two values': () => (random() < 0.6 ? 0.0123 : 0.71),
  constant: () => 0.1234,
};

async function through(values: Float64Array, temporality: 'one export' | 'ten cumulative exports') {
  const directory = mkdtempSync(join(root, 'store-'));
  const opened = openEmbeddedStore({
    directory,
    retentionDays: 35,
    metrics: createOwnMetrics(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const reader = new ManualReader();
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop', 'service.instance.id': 'one' }),
    readers: [reader],
    views: [
      {
        instrumentName: 'vigil.mutation.duration',
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 320 } },
      },
    ],
  });
  const histogram = provider.getMeter('test').createHistogram('vigil.mutation.duration', { unit: 's' });
  const attributes = { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': 'success' };
  const exports = temporality === 'one export' ? 1 : 10;
  for (let part = 0; part < exports; part++) {
    const end = Math.floor((values.length * (part + 1)) / exports);
    for (let i = Math.floor((values.length * part) / exports); i < end; i++) histogram.record(values[i], attributes);
    const { resourceMetrics } = await reader.collect();
    const bytes = ProtobufMetricsSerializer.serializeRequest(resourceMetrics) as Uint8Array;
    const accepted = opened.receiver.take({ signal: 'metrics', bytes, encoding: 'protobuf', gzip: false });
    expect(accepted).toEqual({ rejected: 0, message: '' });
  }
  await provider.shutdown();
  const range = { fromMs: Date.now() - 3_600_000, toMs: Date.now() + 60_000 };
  const [row] = await opened.store.histograms({ metric: 'vigil.mutation.duration', range });
  opened.close();
  return row.histogram;
}

/** A million, as `.ci/run` has it, takes seconds, nearly all in the SDK: of the shapes where most cells have counts. */
const inMillions = ['log-normal', 'wide log-normal', 'bimodal'];

describe.each(Object.keys(shapes))('%s durations', (shape) => {
  test.each([
    [1_000, 'one export'],
    [30_000, 'ten cumulative exports'],
    [inMillions.includes(shape) ? runs(250_000) : 100_000, 'one export'],
  ] as const)('%d values in %s: percentiles within 5 %', async (n, temporality) => {
    const values = Float64Array.from({ length: n }, shapes[shape]);
    const histogram = await through(values, temporality);
    expect(histogram.count).toBe(n);
    const sorted = values.slice().sort();
    for (const q of [0.5, 0.95, 0.99]) {
      const exact = sorted[Math.ceil(q * n) - 1];
      expect(Math.abs((quantile(histogram, q) as number) / exact - 1), `p${q * 100}`).toBeLessThan(0.05);
    }
  });
});
