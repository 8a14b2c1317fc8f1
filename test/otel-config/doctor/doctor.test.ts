import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hastyExit } from '../../../otel-config/doctor/ending.ts';
import { checkNode } from '../../../otel-config/doctor/installation.ts';
import { satisfies } from '../../../otel-config/doctor/versions.ts';
import { KEY, type RunningAggregator, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { holdClaims, toldAs } from './claims.ts';
import { CLI, MAIN, makeApplication, runDoctor, runDoctorText, runQuickly, sendingTo } from './fixture.ts';

holdClaims(import.meta.filename);

/** Of no entry in the list of users: Node cannot tell a home then. */
const UNKNOWN_USER = 54_321;
const INGEST_KEY = 'ingest-key-0123456789abcdef';
let aggregator: RunningAggregator;
beforeAll(async () => {
  aggregator = await startAggregator({ env: { MONITORING_INGEST_KEY: INGEST_KEY } });
});
afterAll(() => aggregator.stop());

const sending = (more: Record<string, string> = {}) => ({ ...sendingTo(aggregator.url, INGEST_KEY), ...more });

test('the variable of the aggregator itself may hold several keys', async () => {
  const env = sending({ MONITORING_API_KEY: `another-key-0123456789, ${KEY},` });
  (await runQuickly(makeApplication().folder, { env })).find('ok key.reading');
});

describe('the installation', () => {
  test('without the registration', async () => {
    const folder = temporaryDirectory();
    const { find, code } = await runQuickly(folder);
    find('error registration.installed');
    expect(code).toBe(1);
  });

  test('installed, with a script that names the registration and without', async () => {
    const { folder, put } = makeApplication();
    const named = await runQuickly(folder);
    named.find('ok registration.installed');
    named.find('ok registration.named');
    put('package.json', '{}');
    (await runQuickly(folder)).find('info registration.named');
    (await runQuickly(folder, { env: { NODE_OPTIONS: '--import @vigil/otel-config/register' } })).find(
      'ok registration.named',
    );
  });

  test('a copy of the API that cannot reach the SDK, deep in another package', async () => {
    const { folder, put } = makeApplication();
    const path = 'node_modules/other/node_modules/@opentelemetry/api';
    put(`${path}/package.json`, JSON.stringify({ name: '@opentelemetry/api', version: '1.99.0' }));
    expect((await runQuickly(folder)).find('error api.copies')).toMatchObject({
      evidence: { version: '1.99.0', path: join(folder, path) },
    });
  });

  test('copies of the SDK: the application’s own of an older major, one below another package, one twice', async () => {
    const { folder, put, link } = makeApplication();
    const install = (place: string, name: string, version: string) =>
      put(`${place}node_modules/@opentelemetry/${name}/package.json`, JSON.stringify({ name, version }));
    link('@opentelemetry/sdk-metrics');
    expect((await runQuickly(folder)).find('ok sdk.copies').evidence).toEqual({ version: '3.1.0' });
    install('', 'sdk-trace-base', '2.0.1');
    expect((await runQuickly(folder)).find('warning sdk.copies')).toMatchObject({
      evidence: { version: '2.0.1', registered: '3.1.0' },
      mend: expect.stringContaining('Install @opentelemetry/sdk-trace 3.1.0'),
    });
    install('node_modules/agent/', 'sdk-metrics', '1.30.1');
    install('node_modules/other/', 'sdk-metrics', '3.0.0');
    const { report } = await runQuickly(folder);
    const copies = report.findings.filter(({ id }) => id === 'sdk.copies');
    expect(toldAs(copies)).toEqual(['info sdk.copies', 'warning sdk.copies', 'info sdk.copies']);
    expect(copies[0].message).toContain('if its package starts an SDK');
    expect(copies[2].evidence).toEqual({ name: '@opentelemetry/sdk-metrics', versions: '3.1.0, 3.0.0' });
  });

  test.each([
    [{ OTEL_SDK_DISABLED: 'true' }, 'error settings.disabled'],
    [{ OTEL_CONFIG_FILE: 'otel.yaml' }, 'warning settings.config_file'],
    [{ OTEL_METRICS_EXPORTER: 'none' }, 'error settings.exporter'],
    [{ OTEL_METRICS_EXPORTER: 'prometheus' }, 'warning settings.exporter'],
    [{ OTEL_METRICS_EXPORTER: 'otlp,prometheus' }, 'warning settings.exporter'],
    [{ OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'linear' }, 'warning settings.histograms'],
  ] as const)('%o', async (settings, told) => {
    const env = sending(settings as unknown as Record<string, string>);
    (await runQuickly(makeApplication().folder, { env })).find(told);
  });

  test('an end on SIGTERM without a flush', async () => {
    const { folder, put } = makeApplication();
    const handler = (before: string) => `process.on('SIGTERM', async () => {\n  ${before}\n  process.exit(0);\n});\n`;
    put('src/good.js', handler('await flush();'));
    (await runQuickly(folder)).find('ok ending.flush');
    put('src/hasty.js', handler('server.close();'));
    expect((await runQuickly(folder)).find('warning ending.flush')).toMatchObject({
      evidence: { place: join('src', 'hasty.js:3') },
    });
    expect(hastyExit("process.on('SIGTERM', close);\n// process.exit(0)\n")).toBeUndefined();
  });

  test('versions of Node', () => {
    const told = (version: string, isSource: boolean) => toldAs([checkNode(version, isSource)])[0];
    expect(told('22.14.0', false)).toBe('error node.version');
    expect(told('22.15.0', false)).toBe('ok node.version');
    expect(told('22.15.0', true), 'sources need more').toBe('error node.version');
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
      expect(find('ok api.copies').evidence).toEqual({ copies: 1 });
      const isReadable = /^\{./.test(manifest);
      if (isReadable) expect(report.findings.map(({ id }) => id)).not.toContain('package.readable');
      else find('error package.readable');
    },
  );

  test.skipIf(process.getuid?.() !== 0)('a user without a home, whom the system does not know', async () => {
    // Folders of tests are closed to others: this one is not.
    const { errors, find } = await runQuickly(import.meta.dirname, { env: { XDG_STATE_HOME: '' }, uid: UNKNOWN_USER });
    expect(errors).toBe('');
    find('warning destination.address');
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
    expect(told.find('error api.installed')).toMatchObject({ mend: 'npm install @opentelemetry/api' });
    expect(told.code).toBe(1);
  });
});

describe('the command', () => {
  test('exit codes, text, and the aggregator’s command line', async () => {
    const { folder } = makeApplication();
    const env = sending({ MONITORING_API_KEY: KEY, OTEL_SERVICE_NAME: 'never-heard-of' });
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
