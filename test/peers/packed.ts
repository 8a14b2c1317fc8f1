/**
 * What users get: every workspace is packed, the tarballs are installed in a fresh project, and there an application is
 * run under the registration and the aggregator receives it. Run as `node test/peers/packed.ts`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort, KEY } from '../support/aggregator.ts';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { copySources, env, packAll, ROOT, run } from './packing.ts';

/** A project outside any workspace, with what this repository is tested with beside our packages. */
async function installIn(project: string, tarballs: readonly string[]): Promise<void> {
  await cp(join(import.meta.dirname, 'packed'), project, { recursive: true });
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const beside = ['graphql', '@opentelemetry/api', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  await writeFile(join(project, 'package.json'), '{ "private": true }');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  await run('npm', ['install', ...flags, ...beside, ...tarballs], { cwd: project, env });
}

interface Place {
  readonly sources: string;
  readonly tarballs: readonly string[];
  readonly project: string;
  readonly capture: OtlpCapture;
}

/** Runs an application of the project and compares what arrived: one mutation that succeeded and one that failed. */
async function runsAndArrives({ project, capture }: Place, args: readonly string[]): Promise<void> {
  const service = args.join(' ');
  const { stderr } = await run(process.execPath, args, {
    cwd: project,
    env: {
      PATH: env.PATH,
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
  });
  assert.equal(stderr, '');
  const points = capture.lastPoints(service, 'vigil.mutation.duration');
  const counts = points.map(({ attributes, count }) => [attributes['vigil.mutation.outcome'], count]);
  assert.deepEqual(Object.fromEntries(counts), { success: 1, failure: 1 });
}

const checks: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  async 'tarballs hold code, declarations and the licence, and no sources'({ tarballs }) {
    assert.ok(tarballs.length >= 4);
    for (const tarball of tarballs) {
      const files = (await run('tar', ['-tzf', tarball])).stdout.trim().split('\n');
      assert.deepEqual(
        files.filter((file) => /(?<!\.d)\.tsx?$/.test(file)),
        [],
        tarball,
      );
      for (const pattern of [/^package\/LICENSE$/, /\.js$/, /\.d\.ts$/])
        assert.ok(
          files.some((file) => pattern.test(file)),
          `${tarball} has no ${pattern}`,
        );
      const manifest = JSON.parse((await run('tar', ['-xzOf', tarball, 'package/package.json'])).stdout);
      assert.ok(!('scripts' in manifest));
      const targets = JSON.stringify(manifest.exports).match(/(?<=":"\.\/)[^"]+/g) ?? [];
      assert.ok(targets.length > 0);
      for (const target of targets) assert.ok(files.includes(`package/${target}`), `${tarball} has no ${target}`);
    }
  },
  async 'packing leaves the sources as they were'({ sources }) {
    for (const workspace of ['otel-config', 'aggregator', 'instrumentation/semconv']) {
      assert.deepEqual(
        await readFile(join(sources, workspace, 'package.json')),
        await readFile(join(ROOT, workspace, 'package.json')),
      );
      const left = (await readdir(join(sources, workspace))).filter((name) => /^dist$|^LICENSE$|^\.(?!git)/.test(name));
      assert.deepEqual(left, []);
    }
  },
  'an ES module application, --import': (place) =>
    runsAndArrives(place, ['--import', '@vigil/otel-config/register', 'app.mjs']),
  'a CommonJS application, --import': (place) =>
    runsAndArrives(place, ['--import', '@vigil/otel-config/register', 'app.cjs']),
  'a CommonJS application, --require': (place) =>
    runsAndArrives(place, ['--require', '@vigil/otel-config/register', 'app.cjs']),
  async 'one copy of what must be one'({ project }) {
    const { stdout } = await run('npm', ['ls', '--all', '--parseable'], { cwd: project, env });
    for (const name of ['@opentelemetry/api', '@opentelemetry/instrumentation', 'import-in-the-middle'])
      assert.equal(stdout.split('\n').filter((path) => path.endsWith(`node_modules/${name}`)).length, 1, name);
  },
  async 'the declarations compile, and are strict'({ project }) {
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, 'types.mts'], {
      cwd: project,
    });
  },
  'the aggregator receives the application and answers': answersFromTheAggregator,
};

async function answersFromTheAggregator({ project }: Place): Promise<void> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const aggregator = spawn(process.execPath, ['node_modules/@vigil/aggregator/dist/main.js'], {
    cwd: project,
    env: { PATH: env.PATH, PORT: `${port}`, MONITORING_API_KEY: KEY, MONITORING_CACHE_TTL_SECONDS: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = Promise.all([once(aggregator, 'exit'), text(aggregator.stderr)]);
  try {
    while (!(await isReady(url))) assert.equal(aggregator.exitCode, null, 'the aggregator has ended');
    const headers = `X-Monitoring-API-Key=${KEY}`;
    await run(process.execPath, ['--import', '@vigil/otel-config/register', 'app.mjs'], {
      cwd: project,
      env: { PATH: env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: headers },
    });
    const answer = await fetch(`${url}/monitoring/graphql/mutations/`, { headers: { 'X-Monitoring-API-Key': KEY } });
    assert.match(await answer.text(), /"total_mutations":2\b/);
  } finally {
    aggregator.kill();
    await ended;
  }
}

async function isReady(url: string): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'vigil-packed-'));
const capture = await startOtlpCapture();
let failed = 0;
try {
  const sources = join(folder, 'sources');
  const project = join(folder, 'project');
  await copySources(sources);
  const tarballs = await packAll(sources, join(folder, 'tarballs'));
  await installIn(project, tarballs);
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check({ sources, tarballs, project, capture });
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error instanceof Error ? error.stack : error}`);
    }
  }
} finally {
  await capture.close();
  await rm(folder, { recursive: true });
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
