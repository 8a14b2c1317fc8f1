/**
 * From nothing to the first number, as somebody does it who met Vigil today: applications outside this repository, the
 * packed tarballs, and the lines that the README gives. Prints what was typed and how long each line took.
 * Run as `node test/peers/newcomers.ts`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort } from '../support/aggregator.ts';
import { endWithUs } from '../support/end-with-us.ts';
import { copySources, env, packAll, ROOT, run } from './packing.ts';

const APPLICATIONS = ['express-apollo', 'fastify-mercurius', 'nestjs', 'hono-yoga'];
const MOST_LINES = 5;
const MOST_SECONDS = 120;
/** An export every 10 s, and a slow machine. */
const ARRIVAL_MS = 30_000;
const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--loglevel=error'];

interface Place {
  readonly tarballs: string;
  readonly aggregator: string;
  readonly url: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** What a newcomer typed, each with its seconds. */
type Transcript = { readonly line: string; readonly seconds: number }[];

async function timed<Result>(transcript: Transcript, line: string, doIt: () => Promise<Result>): Promise<Result> {
  const began = performance.now();
  const result = await doIt();
  transcript.push({ line, seconds: (performance.now() - began) / 1000 });
  return result;
}

/** The tarballs that an application needs, by the workspaces' names; npm finds the others' versions among them. */
function tarballsOf({ tarballs }: Place, names: readonly string[]): string[] {
  return names.map((name) => join(tarballs, `vigil-${name}-0.1.0.tgz`));
}

const FOR_APPLICATIONS = [
  'otel-config',
  'semconv',
  'hooking',
  'instrumentation-mutations',
  'instrumentation-task-locks',
  'instrumentation-security-blocks',
];

/** Standard error and output of a process that goes on, and its end. */
function start(command: string, args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv) {
  const child = endWithUs(spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] }));
  return { child, output: Promise.all([text(child.stdout), text(child.stderr)]).then((both) => both.join('')) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function until(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  const latest = Date.now() + limitMs;
  while (!(await holds().catch(() => false))) {
    assert.ok(Date.now() < latest, `${what} did not come within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** An application as it was before Vigil: its own packages, and compiled where it is TypeScript. */
async function makeApplication(name: string, folder: string): Promise<void> {
  await cp(join(import.meta.dirname, 'newcomers', name), folder, { recursive: true });
  await run('npm', ['ci', ...QUIET], { cwd: folder, env });
  if (name !== 'nestjs') return;
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types')];
  await run(process.execPath, [compiler, '--project', folder, ...types], { cwd: folder });
}

async function createJob(port: number, title: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: `mutation CreateJob { createJob(title: ${JSON.stringify(title)}) }` }),
  });
  return answer.json();
}

interface Answer {
  readonly statistics: {
    total_mutations: number;
    failed_mutations: number;
    mutation_breakdown: Record<string, number>;
  };
}

async function ask({ aggregator, url }: Place, service: string): Promise<Answer> {
  const key = await readFile(join(aggregator, 'data/api-key'), 'utf8');
  const headers = { 'X-Monitoring-API-Key': key.trim() };
  const answer = await fetch(`${url}/monitoring/graphql/mutations/?service=${service}`, { headers });
  return (await answer.json()) as Answer;
}

/** @returns what was typed to get from the application to the first number, which is compared */
async function firstNumber(place: Place, name: string, folder: string): Promise<Transcript> {
  const transcript: Transcript = [];
  const service = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')).name;
  const port = await freePort();
  const packages = tarballsOf(place, FOR_APPLICATIONS);
  const typed = `npm install ${packages.map((file) => basename(file)).join(' ')} @opentelemetry/api`;
  await timed(transcript, typed, () =>
    run('npm', ['install', ...QUIET, ...packages, '@opentelemetry/api@1.10.0'], { cwd: folder, env }),
  );
  const args = ['--import', '@vigil/otel-config/register', 'app.js'];
  const { child, output } = start(process.execPath, args, folder, { ...place.environment, PORT: `${port}` });
  try {
    await timed(transcript, `node ${args.join(' ')}`, () =>
      until(`${name} on port ${port}`, MOST_SECONDS * 1000, async () => {
        await createJob(port, 'the first');
        return true;
      }),
    );
    await createJob(port, '');
    await timed(transcript, 'curl … /monitoring/graphql/mutations/', () =>
      until('the first number', ARRIVAL_MS, async () => (await ask(place, service)).statistics.total_mutations === 2),
    );
    const { statistics } = await ask(place, service);
    assert.equal(statistics.failed_mutations, 1);
    assert.deepEqual(statistics.mutation_breakdown, { createJob: 2 });
  } finally {
    await end(child);
  }
  const printed = await output;
  assert.match(printed, /^vigil: telemetry goes to the aggregator on this machine/m);
  assert.doesNotMatch(printed, /warn|deprecat/i, printed);
  return transcript;
}

function print(name: string, transcript: Transcript): void {
  for (const { line, seconds } of transcript) console.log(`        ${seconds.toFixed(1).padStart(5)} s  ${line}`);
  const seconds = transcript.reduce((sum, line) => sum + line.seconds, 0);
  assert.ok(transcript.length <= MOST_LINES, `${name} took ${transcript.length} lines`);
  assert.ok(seconds <= MOST_SECONDS, `${name} took ${seconds} s`);
}

const folder = await mkdtemp(join(tmpdir(), 'vigil-newcomers-'));
const port = await freePort();
// No OTEL_ variable of whoever runs this, and this Node first.
const environment = { PATH: env.PATH, HOME: process.env['HOME'], XDG_STATE_HOME: join(folder, 'state') };
const place: Place = {
  tarballs: join(folder, 'tarballs'),
  aggregator: join(folder, 'vigil'),
  url: `http://127.0.0.1:${port}`,
  environment,
};
let failed = 0;
const attempts: [string, () => Promise<Transcript>][] = APPLICATIONS.map((name) => [
  name,
  async () => {
    const application = join(folder, name);
    await makeApplication(name, application);
    return firstNumber(place, name, application);
  },
]);
let service: ReturnType<typeof start> | undefined;
attempts.unshift([
  'the service',
  async () => {
    const transcript: Transcript = [];
    const packages = tarballsOf(place, ['aggregator', 'semconv']);
    await mkdir(place.aggregator);
    await timed(transcript, `npm install ${packages.map((file) => basename(file)).join(' ')}`, () =>
      run('npm', ['install', ...QUIET, ...packages], { cwd: place.aggregator, env }),
    );
    await timed(transcript, 'npx vigil start', async () => {
      service = start('npx', ['vigil', 'start'], place.aggregator, {
        ...environment,
        PORT: `${port}`,
        MONITORING_CACHE_TTL_SECONDS: '0',
      });
      await until('the service', MOST_SECONDS * 1000, async () => (await fetch(`${place.url}/readyz`)).ok);
    });
    return transcript;
  },
]);
try {
  await copySources(join(folder, 'sources'));
  await packAll(join(folder, 'sources'), place.tarballs);
  for (const [name, attempt] of attempts) {
    try {
      const transcript = await attempt();
      console.log(`ok      ${name}`);
      print(name, transcript);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error instanceof Error ? error.stack : error}`);
    }
  }
} finally {
  if (service !== undefined) await end(service.child);
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${attempts.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
