/** What stands beside an application: real servers, save Grafana, which is not installed where tests run. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkGrafana } from '../../../otel-config/doctor/grafana.ts';
import { checkPrometheus } from '../../../otel-config/doctor/prometheus.ts';
import { checkRedis } from '../../../otel-config/doctor/redis.ts';
import { freePort, KEY, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';
import { GRAFANA_TOKEN, startGrafanaStub } from '../../support/grafana-stub.ts';
import { mayBeSkipped as redisMayBeSkipped, startRedis } from '../../support/redis-server.ts';
import { holdClaims, toldAs as told } from './claims.ts';
import { makeApplication, runQuickly } from './fixture.ts';

holdClaims(import.meta.filename);

describe.skipIf(redisMayBeSkipped)('Redis', () => {
  test.each([
    [['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'], 'error redis.eviction'],
    [['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-ttl'], 'error redis.eviction'],
    [['--maxmemory', '0', '--maxmemory-policy', 'allkeys-lru'], 'info redis.eviction'],
    [['--maxmemory', '100mb', '--maxmemory-policy', 'noeviction'], 'ok redis.eviction'],
  ])('%j', async (args, eviction) => {
    const redis = await startRedis({ args });
    expect(told(await checkRedis(redis.url))).toEqual(['ok redis.reachable', eviction]);
    await redis.stop();
  });

  test('with a password, without it, and when it is gone', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'a-pass-word'] });
    const { port } = redis;
    expect(told(await checkRedis(`redis://:a-pass-word@127.0.0.1:${port}`))[0]).toBe('ok redis.reachable');
    const [without] = await checkRedis(redis.url);
    expect(without).toMatchObject({ level: 'error', mend: expect.stringContaining('password') });
    const [wrong] = await checkRedis(`redis://:not-the-pass@127.0.0.1:${port}`);
    expect(wrong).toMatchObject({ level: 'error', message: expect.stringContaining('WRONGPASS') });
    expect(JSON.stringify(wrong)).not.toContain('not-the-pass');
    await redis.stop();
    expect(await checkRedis(redis.url)).toMatchObject([{ level: 'error', evidence: { reason: 'ECONNREFUSED' } }]);
    expect(told(await checkRedis('localhost'))).toEqual(['error redis.reachable']);
  });

  test('an address that cannot be decoded, and something that never ends', async () => {
    const [undecodable] = await checkRedis('redis://u:p%ZZ@127.0.0.1:1');
    expect(undecodable).toMatchObject({ level: 'error', message: expect.stringContaining('%25') });
    const flood = createServer((socket) => {
      socket.on('error', () => {});
      const more = (): void => void (socket.destroyed || socket.write('+'.repeat(10_000), more));
      more();
    }).listen(0, '127.0.0.1');
    await once(flood, 'listening');
    const [endless] = await checkRedis(`redis://127.0.0.1:${(flood.address() as AddressInfo).port}`);
    expect(endless).toMatchObject({ level: 'error', message: expect.stringContaining('no answer of Redis') });
    flood.close();
  });

  test('by the command', async () => {
    const redis = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
    const { find } = await runQuickly(makeApplication().folder, { args: ['--redis', redis.url] });
    find('error redis.eviction');
    await redis.stop();
  });
});

const noPrometheus = spawnSync('prometheus', ['--version']).error !== undefined;
describe.skipIf(noPrometheus && process.env['REQUIRE_REAL'] !== '1')('Prometheus', () => {
  test('not scraping, with a key that only sends, and as it should be', async () => {
    const ingestKey = 'ingest-key-0123456789abcdef';
    const aggregator = await startAggregator({ env: { MONITORING_INGEST_KEY: ingestKey } });
    const idle = await startPrometheus('');
    expect(told(await checkPrometheus(idle.url))).toEqual(['error prometheus.scraped', 'warning prometheus.rules']);
    const host = new URL(aggregator.url).host;
    const refused = await startPrometheus(jobFor(host, ingestKey));
    const [scraped] = await untilScraped(refused.url);
    expect(scraped).toMatchObject({
      level: 'error',
      message: expect.stringContaining('403'),
      mend: expect.stringContaining('key that reads'),
    });
    const good = await startPrometheus(`rule_files: [rules.yaml]\n${jobFor(host, KEY)}`);
    await untilScraped(good.url);
    expect(told(await checkPrometheus(good.url))).toEqual(['ok prometheus.scraped', 'ok prometheus.rules']);
    const slow = await startPrometheus(`rule_files: [failing.yaml]\n${jobFor(host, KEY).replaceAll('1s', '1h')}`);
    // It evaluates rules of an interval of a second within the first.
    await expect
      .poll(async () => told(await checkPrometheus(slow.url)), { timeout: 15_000 })
      .toEqual(['info prometheus.scraped', 'error prometheus.rules']);
    for (const one of [idle, refused, good, slow]) one.child.kill('SIGKILL');
    await aggregator.stop();
  });

  test('nobody there, and something else', async () => {
    const [gone] = await checkPrometheus(`http://127.0.0.1:${await freePort()}`);
    expect(gone).toMatchObject({ id: 'prometheus.reachable', level: 'error', evidence: { reason: 'ECONNREFUSED' } });
    const aggregator = await startAggregator();
    expect(told(await checkPrometheus(aggregator.url))).toEqual(['error prometheus.reachable']);
    await aggregator.stop();
  });
});

function jobFor(host: string, key: string): string {
  return `scrape_configs:
  - job_name: vigil
    scrape_interval: 1s
    scrape_timeout: 1s
    metrics_path: /monitoring/metrics/prometheus/
    authorization: { credentials: ${key} }
    static_configs: [{ targets: ['${host}'] }]\n`;
}

/** Either side of its product has two series for one. */
const FAILING_RULES = `groups:
  - name: vigil-failing
    interval: 1s
    rules:
      - record: vigil:failing
        expr: label_replace(vector(1), "a", "$1", "", "") * on () (label_replace(vector(1), "a", "b", "", "") or vector(2))\n`;

async function startPrometheus(configuration: string) {
  const folder = temporaryDirectory();
  writeFileSync(join(folder, 'failing.yaml'), FAILING_RULES);
  copyFileSync(resolve(import.meta.dirname, '../../../otel-config/prometheus/rules.yaml'), join(folder, 'rules.yaml'));
  writeFileSync(join(folder, 'prometheus.yaml'), configuration);
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`--config.file=${join(folder, 'prometheus.yaml')}`, `--storage.tsdb.path=${join(folder, 'data')}`];
  const child = spawn('prometheus', [...flags, `--web.listen-address=${address}`], { stdio: 'ignore' });
  endWithUs(child);
  const url = `http://${address}`;
  await until(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true);
  return { url, child };
}

async function untilScraped(url: string) {
  let findings = await checkPrometheus(url);
  await until(async () => {
    findings = await checkPrometheus(url);
    // Right after its start it has no targets yet.
    return !['unknown', undefined].includes(findings[0].evidence['health'] as string | undefined);
  });
  return findings;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('not within 15 s');
}

test('Grafana: without key, empty, and with dashboards and data source', async () => {
  const grafana = await startGrafanaStub();
  const [refused] = await checkGrafana(grafana.url, undefined);
  expect(told([refused])).toEqual(['error grafana.reachable']);
  expect(refused.mend).toContain('GRAFANA_API_KEY');
  expect(told(await checkGrafana(grafana.url, GRAFANA_TOKEN))).toEqual([
    'warning grafana.dashboards',
    'error grafana.data_source',
  ]);
  grafana.dashboards.set('vigil-mutations', { dashboard: { uid: 'vigil-mutations', tags: ['vigil'] }, folderUid: '' });
  grafana.sources.push({ type: 'prometheus' });
  expect(told(await checkGrafana(grafana.url, GRAFANA_TOKEN))).toEqual([
    'ok grafana.dashboards',
    'ok grafana.data_source',
  ]);
  grafana.failure = { status: 403, of: /datasources/ };
  expect(told(await checkGrafana(grafana.url, GRAFANA_TOKEN))).toEqual([
    'ok grafana.dashboards',
    'info grafana.data_source',
  ]);
  await grafana.close();
});
