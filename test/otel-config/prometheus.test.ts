import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { app, runApp } from './run-app.ts';

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `${port}`;
}

test('an application can be scraped, with explicit buckets at the lines of the objectives', async () => {
  const port = await freePort();
  const env = {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
    OTEL_EXPORTER_PROMETHEUS_PORT: port,
    OTEL_TRACES_EXPORTER: 'none',
  };
  let page = '';
  const end = await runApp(app('ends.ts'), {
    args: ['no handler'],
    env,
    async whenReady(child) {
      page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      child.kill();
    },
  });
  expect(end).toMatchObject({ signal: 'SIGTERM', stderr: '' });
  expect(page).toMatch(/^vigil_graphql_requests_total\{.*\} 1$/m);
  expect(page).toMatch(/^vigil_mutation_duration_bucket\{.*le="0\.5"\} 1$/m);
});

test('a port in use is told in one line, and the application runs on', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const env = {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
    OTEL_EXPORTER_PROMETHEUS_PORT: `${port}`,
    OTEL_TRACES_EXPORTER: 'none',
  };
  const end = await runApp(app('mutate.ts'), { env });
  taken.close();
  expect(end.code).toBe(0);
  expect(end.stderr).toMatch(/^vigil: Prometheus cannot scrape process \d+: listen EADDRINUSE.*\n$/);
});

test('an exporter that nobody knows is told', async () => {
  const end = await runApp(app('mutate.ts'), {
    env: { OTEL_METRICS_EXPORTER: 'statsd', OTEL_TRACES_EXPORTER: 'none' },
  });
  expect(end).toMatchObject({ code: 0, stderr: expect.stringContaining('"statsd"') });
});
