import { createServer } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeFailure, withoutSecrets } from '../../otel-config/export-failures.ts';
import { otlpTarget } from '../../otel-config/otlp-settings.ts';
import { app, runApp } from './run-app.ts';

afterEach(() => vi.unstubAllEnvs());

describe('what a failure is', () => {
  test.each([
    [Object.assign(new Error('Unauthorized'), { code: 401 }), 'refused', '401 Unauthorized'],
    [Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7 }), 'refused', '7 7 PERMISSION_DENIED'],
    [Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), 'unreachable', 'ECONNREFUSED'],
    [new Error('Request timed out'), 'unreachable', 'Request timed out'],
    [Object.assign(new Error('Bad Request'), { code: 400 }), 'rejected', '400 Bad Request'],
    [undefined, 'rejected', 'no reason given'],
  ])('%s', (error, cause, detail) => {
    expect(describeFailure(error)).toEqual({ cause, detail });
  });

  test('an endpoint is shown without what may be secret', () => {
    expect(withoutSecrets('https://user:pass@host:4318/v1/metrics?key=1')).toBe('https://host:4318/v1/metrics');
    expect(withoutSecrets('user:secret')).not.toContain('secret');
  });
});

describe('where a signal goes', () => {
  test.each([
    [{}, 'http://localhost:4318/v1/metrics'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1/base/' }, 'http://c:1/base/v1/metrics'],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:1/', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://d' }, 'http://c:1/'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'http://localhost:4317'],
  ])('%o', (env, endpoint) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(otlpTarget('metrics').endpoint).toBe(endpoint);
  });
});

test('a refusal is told once a signal, not at every export', async () => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    request.resume().on('end', () => response.writeHead(401).end());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_METRIC_EXPORT_INTERVAL: '100',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  const end = await runApp(app('mutate-for-a-second.ts'), { env });
  server.close();
  expect(end.code).toBe(0);
  expect(requests).toBeGreaterThan(4);
  const lines = end.stderr.trim().split('\n');
  expect(lines.toSorted()).toEqual([
    expect.stringMatching(/^vigil: metrics are refused by http:\/\/127\.0\.0\.1:\d+\/v1\/metrics \(401 Unauthorized\)/),
    expect.stringMatching(/^vigil: traces are refused by http:\/\/127\.0\.0\.1:\d+\/v1\/traces \(401 Unauthorized\)/),
  ]);
});

test('an endpoint where nothing listens is told once', async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
    OTEL_TRACES_EXPORTER: 'none',
  };
  const end = await runApp(app('mutate-for-a-second.ts'), { env });
  const lines = end.stderr.trim().split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/^vigil: metrics cannot reach http:\/\/127\.0\.0\.1:9\/v1\/metrics \(ECONNREFUSED\)/),
  ]);
});
