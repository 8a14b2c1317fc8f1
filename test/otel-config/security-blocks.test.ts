/** What the SDK's set-up adds for security blocks: spans that are always kept, and clients as delta. */
import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { recordSecurityBlock, SecurityBlockInstrumentation } from '@vigil/instrumentation-security-blocks';
import { afterEach, expect, it, test } from 'vitest';
import { securityClientsProducer } from '../../otel-config/client-producer.ts';
import { keepingSecurityBlocks, samplerFromEnvironment } from '../../otel-config/sampler.ts';
import { vigilNodeSdkConfiguration } from '../../otel-config/sdk.ts';

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

let instrumentation: SecurityBlockInstrumentation | undefined;
afterEach(() => {
  instrumentation?.disable();
  delete process.env['OTEL_TRACES_SAMPLER'];
  delete process.env['OTEL_TRACES_SAMPLER_ARG'];
});

it('keeps the spans of blocks in traces that are not sampled, and no others', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: keepingSecurityBlocks(new AlwaysOffSampler()),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  instrumentation = new SecurityBlockInstrumentation();
  instrumentation.setTracerProvider(provider);
  const unsampled = trace.wrapSpanContext({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 });
  context.with(trace.setSpan(context.active(), unsampled as Span), () => recordSecurityBlock({ category: 'csrf' }));
  const tracer = provider.getTracer('another');
  tracer.startSpan('GET /').end();
  tracer.startSpan('security.block like').end();
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['security.block csrf']);
  await provider.shutdown();
});

test.each([
  ['always_on', undefined, 'AlwaysOnSampler'],
  ['always_off', undefined, 'AlwaysOffSampler'],
  ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}'],
  ['parentbased_always_on', undefined, 'root=AlwaysOnSampler'],
  ['parentbased_always_off', undefined, 'root=AlwaysOffSampler'],
  ['parentbased_traceidratio', '0.25', 'root=TraceIdRatioBased{0.25}'],
  ['nonsense', undefined, 'root=AlwaysOnSampler'],
  [undefined, undefined, 'root=AlwaysOnSampler'],
])('OTEL_TRACES_SAMPLER=%s %s decides about all other spans', (name, ratio, expected) => {
  if (name !== undefined) process.env['OTEL_TRACES_SAMPLER'] = name;
  if (ratio !== undefined) process.env['OTEL_TRACES_SAMPLER_ARG'] = ratio;
  const sampler = keepingSecurityBlocks(samplerFromEnvironment());
  expect(sampler.toString()).toContain(expected);
  const { decision } = sampler.shouldSample(
    context.active(),
    `${'f'.repeat(8)}${'0'.repeat(24)}`,
    'GET /',
    SpanKind.SERVER,
    {},
    [],
  );
  expect(decision === SamplingDecision.NOT_RECORD).toBe(/off|ratio/.test(name ?? ''));
});

it('wraps the sampler that is given', () => {
  const { sampler, instrumentations } = vigilNodeSdkConfiguration({
    sampler: new AlwaysOffSampler(),
    metricReaders: [],
  });
  for (const one of instrumentations?.flat() ?? []) one.disable();
  expect(`${sampler}`).toBe('KeepingSecurityBlocks{AlwaysOffSampler}');
});

it('gives each reader all blocks by client as delta, and forgets what was collected', async () => {
  const readers = [0, 1].map(() => new ReaderOnDemand({ metricProducers: [securityClientsProducer()] }));
  const provider = new MeterProvider({ readers });
  instrumentation = new SecurityBlockInstrumentation();
  instrumentation.setMeterProvider(provider);
  const collect = async (reader: MetricReader) => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return metrics.find(({ descriptor }) => descriptor.name === 'vigil.security.clients');
  };
  recordSecurityBlock({ category: 'sqli', pattern: 'union', client: '192.0.2.1' });
  recordSecurityBlock({ category: 'sqli', pattern: 'union', client: '192.0.2.1' });
  for (const reader of readers) {
    const metric = await collect(reader);
    expect(metric).toMatchObject({ aggregationTemporality: AggregationTemporality.DELTA, isMonotonic: true });
    expect(metric?.dataPoints.map(({ attributes, value }) => [attributes['client.address'], value])).toEqual([
      ['192.0.2.1', 2],
    ]);
    expect(await collect(reader)).toBeUndefined();
  }
  recordSecurityBlock({ category: 'csrf', client: '192.0.2.2' });
  expect((await collect(readers[0]!))?.dataPoints).toHaveLength(1);
  await provider.shutdown();
});
