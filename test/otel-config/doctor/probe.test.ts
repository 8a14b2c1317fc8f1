import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { holdClaims, toldAs } from './claims.ts';
import { makeApplication, runDoctor, type Told } from './fixture.ts';

holdClaims(import.meta.filename);

// A process of each way of loading, which loads all libraries.
vi.setConfig({ testTimeout: 120_000 });
const MODULES = resolve(import.meta.dirname, '../../../node_modules');
const hooksOf = ({ report }: Told, library: string) =>
  report.findings.filter(({ id, evidence }) => id === 'hooks.applied' && evidence['library'] === library);
const levels = (told: Told, library: string) => toldAs(hooksOf(told, library));
const waysOf = (told: Told, library: string) => hooksOf(told, library).map(({ evidence }) => evidence['by']);

describe('libraries', () => {
  test('as they are: observed, from import and from require', async () => {
    const libraries = ['graphql', 'ioredis', '@redis/client', 'bullmq', 'hono', 'rate-limiter-flexible'];
    const told = await runDoctor(makeApplication(...libraries).folder);
    for (const library of libraries) {
      expect(levels(told, library), library).toEqual(['ok hooks.applied']);
      expect(waysOf(told, library), library).toEqual(['import and require']);
    }
    told.find('ok export.arrives');
    expect(told.find('ok export.histograms').evidence).toMatchObject({ kind: 'exponential' });
    expect(told.find('ok export.temporality').evidence).toMatchObject({ temporality: 'cumulative' });
    // Nobody said where Redis is.
    told.find('info redis.reachable');
    expect(told.report.service).toBe('shop');
  });

  test('graphql 16, which is patched', async () => {
    const { folder } = makeApplication();
    // Not by a link: what is hooked goes by the name of its real folder.
    cpSync(realpathSync(join(MODULES, 'graphql-16')), join(folder, 'node_modules/graphql'), { recursive: true });
    const told = await runDoctor(folder);
    expect(levels(told, 'graphql')).toEqual(['ok hooks.applied']);
    told.find('info hooks.no_locks');
  });

  test('a version that the hooks are not made for', async () => {
    const { folder, put } = makeApplication();
    const name = 'rate-limiter-flexible';
    cpSync(realpathSync(join(MODULES, name)), join(folder, 'node_modules', name), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(MODULES, name, 'package.json'), 'utf8')) as object;
    put(`node_modules/${name}/package.json`, JSON.stringify({ ...manifest, version: '1.3.1' }));
    const told = await runDoctor(folder);
    expect(levels(told, name)).toEqual(['error hooks.applied']);
    expect(hooksOf(told, name)).toMatchObject([
      { evidence: { version: '1.3.1', supported: '>=2 <12' }, mend: `Install ${name} >=2 <12.` },
    ]);
    expect(told.code).toBe(1);
  });

  test('loaded before the registration', async () => {
    const { folder, put } = makeApplication('ioredis');
    put('late.mjs', "import 'ioredis';\nconst { start } = await import('@vigil/otel-config');\nstart();\n");
    const told = await runDoctor(folder, { args: ['--import', './late.mjs'] });
    expect(levels(told, 'ioredis')).toEqual(['error hooks.applied']);
    expect(hooksOf(told, 'ioredis')[0].message).toContain('not observed');
    told.find('ok export.arrives');
  });

  test('one that ends the process does not keep the others from being tried', async () => {
    const { folder, put } = makeApplication('ioredis');
    put('node_modules/csurf/package.json', JSON.stringify({ name: 'csurf', version: '1.11.0' }));
    put('node_modules/csurf/index.js', 'process.exit(3);');
    const told = await runDoctor(folder);
    expect(levels(told, 'csurf')).toEqual(['info hooks.applied']);
    expect(hooksOf(told, 'csurf')[0].message).toContain('ends or hangs');
    expect(levels(told, 'ioredis')).toEqual(['ok hooks.applied']);
    told.find('ok export.arrives');
  });

  test('none, and such in two copies', async () => {
    const { folder, put, link } = makeApplication();
    (await runDoctor(folder)).find('warning hooks.none');
    for (const [name, version] of [
      ['graphql', '16.0.0'],
      ['ioredis', '5.0.0'],
    ]) {
      link(name);
      put(`node_modules/other/node_modules/${name}/package.json`, JSON.stringify({ name, version }));
    }
    const { report } = await runDoctor(folder);
    const copies = report.findings.filter(({ id }) => id === 'libraries.copies');
    expect(toldAs(copies)).toEqual(['warning libraries.copies', 'info libraries.copies']);
    expect(copies[0].evidence).toEqual({ name: 'graphql', versions: '17.1.0, 16.0.0' });
  });
});

describe('what is exported', () => {
  test('delta and explicit buckets, as the settings ask', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'explicit_bucket_histogram',
      OTEL_SERVICE_NAME: 'by-variable',
    };
    const { find, report } = await runDoctor(makeApplication().folder, { env });
    expect(find('warning export.temporality')).toMatchObject({ evidence: { temporality: 'delta' } });
    expect(find('info export.histograms')).toMatchObject({ evidence: { kind: 'explicit' } });
    expect(report.service).toBe('by-variable');
  });

  test('twice, by a View for everything', async () => {
    const { folder, put } = makeApplication();
    put('telemetry.mjs', "import { start } from '@vigil/otel-config';\nstart({ views: [{ instrumentName: '*' }] });\n");
    const { find } = await runDoctor(folder, { args: ['--import', './telemetry.mjs'] });
    expect(find('error export.twice')).toMatchObject({ evidence: { times: 2 } });
  });

  test('by an SDK without our Views and resource', async () => {
    const { folder, put } = makeApplication('@opentelemetry/sdk-metrics', '@opentelemetry/exporter-metrics-otlp-http');
    put(
      'sdk.mjs',
      `import { metrics } from '@opentelemetry/api';
      import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
      import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
      const readers = [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })];
      metrics.setGlobalMeterProvider(new MeterProvider({ readers }));\n`,
    );
    const { find } = await runDoctor(folder, { args: ['--import', './sdk.mjs'] });
    expect(find('error export.histograms')).toMatchObject({ message: expect.stringContaining('milliseconds') });
    find('warning export.instance');
    find('warning export.service');
  });

  test('by an aggregator inside the application: its store is not touched, and nothing is missing', async () => {
    const { folder, put } = makeApplication('@vigil/aggregator', 'graphql');
    put(
      'monitoring.mjs',
      `import { createAggregator } from '@vigil/aggregator';
      import { start } from '@vigil/otel-config';
      export const aggregator = createAggregator();
      start(aggregator.sdk);\n`,
    );
    for (const args of [[], ['--quick']]) {
      const told = await runDoctor(folder, { args: ['--import', './monitoring.mjs', ...args] });
      told.find('ok destination.embedded');
      expect(told.report.findings.filter(({ level }) => level === 'error')).toEqual([]);
      if (args.length === 0) {
        told.find('ok export.arrives');
        expect(told.find('ok export.histograms').evidence).toMatchObject({ kind: 'exponential' });
        expect(levels(told, 'graphql')).toEqual(['ok hooks.applied']);
      }
    }
    expect(existsSync(join(folder, 'vigil-data'))).toBe(false);
  });

  test('to an address of its own: it is held back', async () => {
    const received: string[] = [];
    const receiver = createServer((request, response) => {
      received.push(request.url ?? '');
      response.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const place = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const { folder, put } = makeApplication('@opentelemetry/sdk-metrics', '@opentelemetry/exporter-metrics-otlp-http');
    put(
      'own.mjs',
      `import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
      import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
      import { start } from '@vigil/otel-config';
      const exporter = new OTLPMetricExporter({ url: 'http://${place}/v1/metrics' });
      start({ metricReaders: [new PeriodicExportingMetricReader({ exporter })] });
      await fetch('http://${place}/by-fetch').catch(() => {});\n`,
    );
    const { find } = await runDoctor(folder, { args: ['--import', './own.mjs'] });
    receiver.close();
    expect(find('warning export.own_address')).toMatchObject({ evidence: { held_back: place } });
    expect(received).toEqual([]);
  });

  test('nothing: a file that starts nothing, and one that fails', async () => {
    const { folder, put } = makeApplication();
    put('empty.mjs', '');
    const empty = await runDoctor(folder, { args: ['--import', './empty.mjs'] });
    empty.find('error export.arrives');
    put('broken.mjs', "throw new Error('broken by the test');");
    const broken = await runDoctor(folder, { args: ['--import', './broken.mjs'] });
    expect(broken.find('error export.arrives')).toMatchObject({ evidence: { said: 'Error: broken by the test' } });
    expect(broken.code).toBe(1);
    expect(broken.report.findings.map(({ id }) => id)).not.toContain('hooks.none');
  });
});
