/** A real Prometheus with the shipped configuration scrapes the aggregator and a Collector that can be scraped. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KEY, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import type { Checks } from './checks.ts';
import { settled } from './counts.ts';
import { startApp, startCollector, until } from './processes.ts';
import { startPrometheus } from './prometheus.ts';

const SHIPPED = resolve(import.meta.dirname, '../../../otel-config/prometheus');

interface Target {
  readonly labels: { readonly job: string };
  readonly health: string;
  readonly lastError: string;
}

/** The shipped configuration with the addresses of this run, and every second instead of every 30. */
function configurationHere(targets: Readonly<Record<string, string>>): string {
  const folder = join(temporaryDirectory(), 'prometheus');
  mkdirSync(folder);
  copyFileSync(join(SHIPPED, 'rules.yaml'), join(folder, 'rules.yaml'));
  writeFileSync(join(folder, 'vigil-key'), KEY);
  let text = readFileSync(join(SHIPPED, 'prometheus.yaml'), 'utf8');
  const put = (from: string, to: string): void => {
    assert.ok(text.includes(from), `the shipped configuration has no ${from}`);
    text = text.replaceAll(from, to);
  };
  put('scrape_interval: 30s', 'scrape_interval: 1s');
  put('scrape_timeout: 10s', 'scrape_timeout: 1s');
  for (const [from, to] of Object.entries(targets)) put(from, to);
  const file = join(folder, 'prometheus.yaml');
  writeFileSync(file, text);
  return file;
}

export async function checkScraping({ check }: Checks, binary: string): Promise<void> {
  await check('promtool and amtool accept what is shipped', () => {
    const folder = join(temporaryDirectory(), 'as-shipped');
    mkdirSync(folder);
    for (const file of ['prometheus.yaml', 'rules.yaml']) copyFileSync(join(SHIPPED, file), join(folder, file));
    writeFileSync(join(folder, 'vigil-key'), KEY);
    accepts('promtool', ['check', 'config', join(folder, 'prometheus.yaml')]);
    accepts('amtool', ['check-config', resolve(SHIPPED, '../alertmanager/alertmanager.yaml')]);
  });
  const aggregator = await startAggregator();
  const env = { VIGIL_ENDPOINT: aggregator.url, VIGIL_KEY: KEY };
  const collector = await startCollector(binary, { configurations: ['agent', 'development'], env });
  const prometheus = await startPrometheus(
    configurationHere({
      'aggregator:8000': new URL(aggregator.url).host,
      'collector:8888': collector.scrapeAddress,
    }),
  );
  try {
    await check(
      'Prometheus scrapes aggregator and Collector with the shipped configuration: exact, with exemplars',
      async () => {
        const app = await startApp('scraped', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl });
        await delay(2000);
        const made = await app.end();
        await Promise.all([
          settled(() => prometheus.number('sum(graphql_mutation_total)'), made, 'scraped from the aggregator'),
          // The Collector's exporter names the sender in labels of its own: `job` is the scrape's.
          settled(
            () => prometheus.number('sum(vigil_graphql_requests_total{exported_job="scraped"})'),
            made,
            'scraped from the Collector',
          ),
        ]);
        const { data } = (await prometheus.get('/api/v1/targets?state=active')) as {
          data: { activeTargets: readonly Target[] };
        };
        for (const { labels, health, lastError } of data.activeTargets)
          assert.equal(health, 'up', `${labels.job}: ${lastError}`);
        await until('an exemplar leads to a trace', async () => {
          const query = new URLSearchParams({
            query: 'graphql_server_mutation_duration_seconds_bucket',
            start: `${Date.now() / 1000 - 300}`,
            end: `${Date.now() / 1000 + 60}`,
          });
          return /"trace_id":"[0-9a-f]{32}"/.test(
            JSON.stringify(await prometheus.get(`/api/v1/query_exemplars?${query}`)),
          );
        });
      },
    );
    await check('promtool check metrics finds nothing', async () => {
      const text = await (await aggregator.get('/monitoring/metrics/prometheus/')).text();
      assert.ok(text.includes('graphql_mutation_total{'));
      assert.equal(accepts('promtool', ['check', 'metrics'], text), '');
    });
  } finally {
    await prometheus.stop();
    await collector.stop();
    await aggregator.stop();
  }
}

/** @returns what it says on standard error */
function accepts(program: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8', timeout: 20_000 });
  if (error !== undefined) throw error;
  assert.equal(status, 0, stdout + stderr);
  return stderr;
}
