import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hastyExit } from '../../../otel-config/doctor/ending.ts';
import { checkNode } from '../../../otel-config/doctor/installation.ts';
import { satisfies } from '../../../otel-config/doctor/versions.ts';
import {
  freePort,
  KEY,
  type RunningAggregator,
  startAggregator,
  temporaryDirectory,
} from '../../support/aggregator.ts';
import { app as applicationFile, runApp } from '../run-app.ts';
import { CLI, MAIN, makeApplication, runDoctor, runDoctorText, runQuickly } from './fixture.ts';

/** Of no entry in the list of users: Node cannot tell a home then. */
const UNKNOWN_USER = 54_321;
const INGEST_KEY = 'ingest-key-0123456789abcdef';
let aggregator: RunningAggregator;
const state = mkdtempSync(join(tmpdir(), 'state-'));
beforeAll(async () => {
  aggregator = await startAggregator({ env: { MONITORING_INGEST_KEY: INGEST_KEY, XDG_STATE_HOME: state } });
});
afterAll(() => aggregator.stop());

const sending = (key: string, more: Record<string, string> = {}) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: aggregator.url,
  OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${key}`,
  ...more,
});

describe('where telemetry goes', () => {
  test('an announced aggregator needs no variable', async () => {
    // Empty variables count as absent.
    const env = { XDG_STATE_HOME: state, MONITORING_API_KEY: '', REDIS_URL: '', PROMETHEUS_URL: '', GRAFANA_URL: '' };
    const { find, code, report } = await runQuickly(makeApplication().folder, { env });
    expect(find('destination.address').level).toBe('ok');
    expect(find('destination.reachable').evidence).toMatchObject({ aggregator: true });
    expect(find('key.sending').evidence).toMatchObject({ status: 200 });
    expect(find('clock.skew').level).toBe('ok');
    expect(find('key.reading'), 'the announced key only sends').toMatchObject({ level: 'info' });
    expect({ code, errors: report.counts.error, service: report.service }).toEqual({
      code: 0,
      errors: 0,
      service: 'shop',
    });
  });

  test('a wrong key, and no key is ever shown', async () => {
    const secret = 'a-wrong-key-that-nobody-may-see';
    const env = sending(secret, { MONITORING_API_KEY: 'another-key-that-nobody-may-see' });
    const { find, code, output } = await runQuickly(makeApplication().folder, { env });
    expect(find('key.sending')).toMatchObject({ level: 'error', evidence: { status: 401 } });
    expect(find('key.reading')).toMatchObject({ level: 'error', evidence: { status: 403 } });
    expect(code).toBe(1);
    expect(output).not.toContain('nobody-may-see');
  });

  test('nothing there, a wrong path, and gRPC where an aggregator is', async () => {
    const { folder } = makeApplication();
    const nobody = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    expect((await runQuickly(folder, { env: nobody })).find('destination.reachable')).toMatchObject({
      level: 'error',
      evidence: { reason: 'ECONNREFUSED' },
    });
    const wrong = { ...sending(INGEST_KEY), OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: aggregator.url };
    expect((await runQuickly(folder, { env: wrong })).find('destination.path').level).toBe('error');
    const grpc = sending(INGEST_KEY, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
    expect((await runQuickly(folder, { env: grpc })).find('destination.protocol').level).toBe('error');
    expect((await runQuickly(folder)).find('destination.address').level).toBe('warning');
  });

  test.each([
    [-60_000, 'warning', -60],
    [3_600_000, 'error', 3600],
  ])('a clock that is %i ms off', async (offMs, level, seconds) => {
    const { folder, put } = makeApplication();
    put('clock.cjs', `const now = Date.now; Date.now = () => now() + ${offMs};`);
    const node = ['--require', join(folder, 'clock.cjs')];
    const skew = (await runQuickly(folder, { node, env: sending(INGEST_KEY) })).find('clock.skew');
    expect(skew.level).toBe(level);
    expect(Math.abs(Number(skew.evidence['ahead_seconds']) - seconds)).toBeLessThanOrEqual(2);
  });

  test('an aggregator that only reads', async () => {
    const env = { MONITORING_STORE: 'prometheus', PROMETHEUS_URL: 'http://127.0.0.1:9' };
    const reader = await startAggregator({ env });
    const told = await runQuickly(makeApplication().folder, {
      env: { ...sending(KEY), OTEL_EXPORTER_OTLP_ENDPOINT: reader.url },
    });
    expect(told.find('destination.reads_only')).toMatchObject({ level: 'error', evidence: { status: 501 } });
    await reader.stop();
  });
});

test('whether the service is known: before and after it has sent', async () => {
  const { folder } = makeApplication();
  const env = sending(INGEST_KEY, { MONITORING_API_KEY: KEY, OTEL_SERVICE_NAME: 'doctors-shop' });
  expect((await runQuickly(folder, { env })).find('arrival.service')).toMatchObject({
    level: 'warning',
    evidence: { service: 'doctors-shop' },
  });
  const before = await aggregator.json<{ freshness: { last_arrival_at: string | null } }>('/monitoring/overview/');
  expect(before.freshness.last_arrival_at, 'the doctor has sent nothing that counts').toBeNull();
  expect((await runApp(applicationFile('record.ts'), { env })).code).toBe(0);
  // The aggregator's own variable may hold several keys.
  const several = { ...env, MONITORING_API_KEY: `another-key-0123456789, ${KEY},` };
  const { find, code } = await runQuickly(folder, { env: several });
  expect(find('arrival.service').level).toBe('ok');
  expect(find('key.reading').level).toBe('ok');
  expect(code).toBe(0);
});

describe('the installation', () => {
  test('without the registration', async () => {
    const folder = temporaryDirectory();
    const { find, code } = await runQuickly(folder);
    expect(find('registration.installed').level).toBe('error');
    expect(code).toBe(1);
  });

  test('a copy of the API that cannot reach the SDK, deep in another package', async () => {
    const { folder, put } = makeApplication();
    const path = 'node_modules/other/node_modules/@opentelemetry/api';
    put(`${path}/package.json`, JSON.stringify({ name: '@opentelemetry/api', version: '1.99.0' }));
    expect((await runQuickly(folder)).find('api.copies')).toMatchObject({
      level: 'error',
      evidence: { version: '1.99.0', path: join(folder, path) },
    });
  });

  test.each([
    [{ OTEL_SDK_DISABLED: 'true' }, 'settings.disabled', 'error'],
    [{ OTEL_CONFIG_FILE: 'otel.yaml' }, 'settings.config_file', 'warning'],
    [{ OTEL_METRICS_EXPORTER: 'none' }, 'settings.exporter', 'error'],
    [{ OTEL_METRICS_EXPORTER: 'prometheus' }, 'settings.exporter', 'warning'],
    [{ OTEL_METRICS_EXPORTER: 'otlp,prometheus' }, 'settings.exporter', 'warning'],
    [{ OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'linear' }, 'settings.histograms', 'warning'],
  ])('%o', async (settings, id, level) => {
    const env = sending(INGEST_KEY, settings as unknown as Record<string, string>);
    expect((await runQuickly(makeApplication().folder, { env })).find(id).level).toBe(level);
  });

  test('an end on SIGTERM without a flush', async () => {
    const { folder, put } = makeApplication();
    const handler = (before: string) => `process.on('SIGTERM', async () => {\n  ${before}\n  process.exit(0);\n});\n`;
    put('src/good.js', handler('await flush();'));
    put('src/hasty.js', handler('server.close();'));
    expect((await runQuickly(folder)).find('ending.flush')).toMatchObject({
      level: 'warning',
      evidence: { place: join('src', 'hasty.js:3') },
    });
    expect(hastyExit("process.on('SIGTERM', close);\n// process.exit(0)\n")).toBeUndefined();
  });

  test('versions of Node', () => {
    expect(checkNode('22.14.0', false).level).toBe('error');
    expect(checkNode('22.15.0', false).level).toBe('ok');
    expect(checkNode('22.15.0', true).level, 'sources need more').toBe('error');
    expect(satisfies('16.15.0', '>=16 <17') && !satisfies('17.0.0', '>=16 <17') && satisfies('1.2.3', '*')).toBe(true);
  });
});

describe('what stands in the way', () => {
  test('a folder that cannot be read is passed over; one that is none is said, with 2', async () => {
    const { folder, put } = makeApplication();
    put('pgdata/base', '');
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'pgdata'), 0);
    const file = JSON.stringify(pathToFileURL(join(MAIN, '../ending.ts')).href);
    // Root may read everything: it becomes somebody else first.
    const code = `const { checkEnding } = await import(${file}); if (process.getuid?.() === 0) process.seteuid(65534);
      process.stdout.write(checkEnding(${JSON.stringify(folder)})[0].level);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    expect([stderr, stdout]).toEqual(['', 'ok']);
    chmodSync(join(folder, 'pgdata'), 0o700);
    const ofNone = await runDoctorText(folder, { args: ['/nonexistent'] });
    expect([ofNone.code, ofNone.errors]).toEqual([2, '/nonexistent is no folder.\n']);
  });

  test.each(['null', '"text"', '{', '{"version":5}', '{"scripts":null,"version":{}}'])(
    'a package.json anywhere in the tree that is %s',
    async (manifest) => {
      const { folder, put } = makeApplication();
      put('package.json', manifest);
      put('node_modules/other/package.json', manifest);
      put('node_modules/other/node_modules/@opentelemetry/api/package.json', manifest);
      const { find, report } = await runQuickly(folder);
      expect(find('api.copies').evidence).toEqual({ copies: 1 });
      const isReadable = /^\{./.test(manifest);
      expect(report.findings.some(({ id }) => id === 'package.readable')).toBe(!isReadable);
    },
  );

  test.skipIf(process.getuid?.() !== 0)('a user without a home, whom the system does not know', async () => {
    // Folders of tests are closed to others: this one is not.
    const { errors, find } = await runQuickly(import.meta.dirname, { env: { XDG_STATE_HOME: '' }, uid: UNKNOWN_USER });
    expect(errors).toBe('');
    expect(find('destination.address').level).toBe('warning');
  });

  test('a registration beside which the API is missing', async () => {
    const { folder } = makeApplication();
    const installed = join(folder, 'node_modules/@vigil/otel-config');
    rmSync(installed);
    rmSync(join(folder, 'node_modules/@opentelemetry'), { recursive: true });
    // Where a package is installed, and not linked: nothing above it has the API. Compiled, as in a package.
    for (const name of ['main', 'finding']) {
      const source = readFileSync(join(MAIN, `../${name}.ts`), 'utf8');
      mkdirSync(join(installed, 'doctor'), { recursive: true });
      const compiled = stripTypeScriptTypes(source).replaceAll(/(['"]\.\/\w+)\.ts(['"])/g, '$1.js$2');
      writeFileSync(join(installed, 'doctor', `${name}.js`), compiled);
    }
    writeFileSync(join(installed, 'package.json'), '{ "type": "module" }');
    const told = await runDoctor(folder, { main: join(installed, 'doctor/main.js') });
    expect(told.find('api.installed')).toMatchObject({ level: 'error', mend: 'npm install @opentelemetry/api' });
    expect(told.code).toBe(1);
  });
});

describe('the command', () => {
  test('exit codes, text, and the aggregator’s command line', async () => {
    const { folder } = makeApplication();
    const env = sending(INGEST_KEY, { MONITORING_API_KEY: KEY, OTEL_SERVICE_NAME: 'never-heard-of' });
    const lenient = await runDoctorText(folder, { env, args: ['--quick'] });
    expect(lenient.code).toBe(0);
    expect(lenient.output).toMatch(/^warning arrival\.service: .+never-heard-of\.\n {8}mend: .+$/m);
    expect((await runDoctorText(folder, { env, args: ['--quick', '--strict'] })).code).toBe(1);
    expect((await runDoctorText(folder, { env, args: ['--no-such'] })).code).toBe(2);
    const byCli = await runDoctorText(folder, { env, main: CLI, args: ['doctor', '--quick'] });
    expect(byCli.output.replaceAll(/\d+ s ago/g, '')).toBe(lenient.output.replaceAll(/\d+ s ago/g, ''));
  });

  const old = spawnSync('/usr/bin/node', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  test.skipIf(!/^v(?:1\d|20)\./.test(old))('an old Node is told so, not shown a stack', async () => {
    const { folder, put } = makeApplication();
    const { stripTypeScriptTypes } = await import('node:module');
    const { readFileSync } = await import('node:fs');
    // As the compiler leaves it: this Node strips no types.
    put('main.mjs', stripTypeScriptTypes(readFileSync(MAIN, 'utf8')));
    const { status, stdout } = spawnSync('/usr/bin/node', [join(folder, 'main.mjs')], { encoding: 'utf8' });
    expect(stdout).toBe(
      `error   node.version: Node ${old.slice(1)} is too old.\n        mend: Install Node 22.15 or newer.\n`,
    );
    expect(status).toBe(1);
  });
});
