import { AlwaysOffSampler } from '@opentelemetry/sdk-trace';
import { MutationInstrumentation } from '@vigil/instrumentation-mutations';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { vigilNodeSdkConfiguration } from '../../otel-config/sdk.ts';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { app, runApp } from './run-app.ts';

let capture: OtlpCapture;
beforeAll(async () => {
  capture = await startOtlpCapture();
});
afterAll(() => capture.close());
afterEach(() => vi.unstubAllEnvs());

function toCapture(more: Record<string, string> = {}) {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: capture.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...more };
}

describe('the configuration for NodeSDK', () => {
  test('adds to instrumentations, Views and resource, and lets anything else be replaced', () => {
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    vi.stubEnv('OTEL_TRACES_EXPORTER', 'none');
    const base = vigilNodeSdkConfiguration();
    const sampler = new AlwaysOffSampler();
    const view = { instrumentName: 'mine' };
    const own = vigilNodeSdkConfiguration({ sampler, views: [view], spanProcessors: [] });
    expect(base.metricReaders).toEqual([]);
    expect(base.traceExporter).toBeUndefined();
    expect(base.logRecordProcessors).toEqual([]);
    expect(own).toMatchObject({ sampler, spanProcessors: [] });
    expect(own.views).toHaveLength((base.views?.length ?? 0) + 1);
    expect(own.views?.at(-1)).toBe(view);
    for (const instrumentation of [base, own].flatMap(({ instrumentations = [] }) => instrumentations.flat()))
      instrumentation.disable();
  });

  test("an instrumentation of Vigil's with other settings takes the place of ours", () => {
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    const mine = new MutationInstrumentation({ spans: false });
    const { instrumentations = [] } = vigilNodeSdkConfiguration({ instrumentations: [[mine]] });
    expect(instrumentations.flat().filter((one) => one instanceof MutationInstrumentation)).toEqual([mine]);
    for (const instrumentation of instrumentations.flat()) instrumentation.disable();
  });

  test('logs are left to sdk-node where they are asked for', () => {
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    vi.stubEnv('OTEL_LOGS_EXPORTER', 'otlp');
    const { logRecordProcessors, instrumentations = [] } = vigilNodeSdkConfiguration();
    expect(logRecordProcessors).toBeUndefined();
    for (const instrumentation of instrumentations.flat()) instrumentation.disable();
  });
});

describe.concurrent('in a process', () => {
  test('a NodeSDK of the user with our configuration', async () => {
    const end = await runApp(app('mutate.ts'), { imports: [app('own-sdk.ts')], env: toCapture() });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    const counts = capture.lastPoints('own sdk', 'vigil.mutation.duration').map(({ count }) => count);
    expect(counts.toSorted()).toEqual([1, 2]);
  });

  test('shutdown sends what there is, once, and leaves nothing behind', async () => {
    const end = await runApp(app('shuts-down.ts'), { env: toCapture({ OTEL_SERVICE_NAME: 'shut down' }) });
    expect(JSON.parse(end.stdout)).toEqual({ isDone: true, again: true, listeners: 0 });
    expect(capture.lastPoints('shut down', 'vigil.graphql.requests')).toMatchObject([{ value: 1 }]);
  });

  test('a declarative configuration is followed, with our instrumentations and last flush', async () => {
    const env = { OTEL_CONFIG_FILE: app('otel.yaml'), ENDPOINT: capture.url };
    const end = await runApp(app('mutate.ts'), { env });
    expect(end.code).toBe(0);
    const counts = capture.lastPoints('from file', 'vigil.mutation.duration').map(({ count }) => count);
    expect(counts.toSorted()).toEqual([1, 2]);
  });

  test('a sampler by its variable', async () => {
    const env = toCapture({ OTEL_SERVICE_NAME: 'not sampled', OTEL_TRACES_SAMPLER: 'always_off' });
    await runApp(app('mutate.ts'), { env });
    const sent = capture.requests.filter(({ raw }) => raw.includes('not sampled')).map(({ path }) => path);
    expect(sent).toEqual(['/v1/metrics']);
  });

  test('metrics go out by the interval, without an end', async () => {
    const env = toCapture({ OTEL_SERVICE_NAME: 'interval', OTEL_METRIC_EXPORT_INTERVAL: '200' });
    const { stdout } = await runApp(app('mutate-for-a-second.ts'), { env });
    const exports = capture.requests.filter(({ path, raw }) => path === '/v1/metrics' && raw.includes('"interval"'));
    expect(exports.length).toBeGreaterThanOrEqual(4);
    // One for what was left of the interval before, one between the last mutation and the end, and one of the end.
    expect(exports.length).toBeLessThanOrEqual(Number(stdout) / 200 + 3);
  });
});
