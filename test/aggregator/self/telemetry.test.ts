import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { startOtlpCapture } from '../../support/otlp-capture.ts';
import { scenarioBodies } from '../../support/scenarios.ts';

const INTERVAL = { OTEL_METRIC_EXPORT_INTERVAL: '300', OTEL_TRACES_EXPORTER: 'none' };

test('what a scrape shows goes out over OTLP, too, under the service of the package', async () => {
  const capture = await startOtlpCapture();
  const directory = temporaryDirectory();
  // The SDK knows nothing of such a file.
  const lines = [`OTEL_EXPORTER_OTLP_ENDPOINT=${capture.url}`, 'OTEL_EXPORTER_OTLP_PROTOCOL=http/json'];
  writeFileSync(join(directory, '.env'), lines.join('\n'));
  const aggregator = await startAggregator({ directory, env: INTERVAL });
  for (const body of scenarioBodies('normal', Date.now()))
    await aggregator.post('/v1/metrics', body, { 'Content-Type': 'application/json' });
  const scrape = await (await aggregator.get('/monitoring/metrics/prometheus/')).text();
  const shown = [...scrape.matchAll(/^graphql_mutation_errors_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
  expect(shown).toBeGreaterThan(0);
  const sent = () =>
    capture.lastPoints('@vigil/aggregator', 'graphql_mutation_errors').reduce((sum, { value }) => sum + value, 0);
  for (let tries = 0; sent() !== shown && tries < 100; tries++) await delay(50);
  expect(sent()).toBe(shown);
  expect(await aggregator.stop()).toBe(0);
  await capture.close();
});

test('sent to itself it is no loop: nothing comes back as telemetry of mutations', async () => {
  const port = await freePort();
  const aggregator = await startAggregator({
    port,
    env: {
      ...INTERVAL,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'X-Monitoring-API-Key=test-key-0123456789abcdef',
    },
  });
  for (const body of scenarioBodies('normal', Date.now()))
    expect((await aggregator.post('/v1/metrics', body, { 'Content-Type': 'application/json' })).status).toBe(200);
  const total = async () => {
    const path = '/monitoring/graphql/mutations/';
    const { statistics } = await aggregator.json<{ statistics: { total_mutations: number } }>(path);
    return statistics.total_mutations;
  };
  const fed = await total();
  expect(fed).toBeGreaterThan(0);
  const bodies = async () => {
    const text = await (await aggregator.get('/monitoring/metrics/prometheus/')).text();
    return Number(
      /^aggregator_otlp_requests_total\{signal="metrics",outcome="accepted"\} (\d+)$/m.exec(text)?.[1] ?? 0,
    );
  };
  const sent = await bodies();
  for (let tries = 0; (await bodies()) < sent + 3 && tries < 100; tries++) await delay(50);
  expect(await bodies()).toBeGreaterThanOrEqual(sent + 3);
  expect(await total()).toBe(fed);
  expect(await aggregator.stop()).toBe(0);
});
