/** An aggregator in the application's own process answers as one that got the same telemetry over the wire. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type AggregatorOptions, createAggregator } from '@vigil/aggregator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpoints } from '../../aggregator/http/endpoints.ts';
import { MAX_WRONG_KEYS } from '../../aggregator/http/guessing.ts';
import { KEY, type RunningAggregator, startAggregator, temporaryDirectory } from '../support/aggregator.ts';
import { endWithUs } from '../support/end-with-us.ts';
import { environmentOfRun } from '../support/environment.ts';

interface Application {
  readonly process: ChildProcess;
  readonly url: string;
  readonly directory: string;
  /** Resolves when it has done so and everything is collected. */
  tell(message: 'traffic' | 'flush'): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

async function startApplication(env: Record<string, string>, directory = temporaryDirectory()): Promise<Application> {
  const monitoring = join(import.meta.dirname, 'embedded/monitoring.ts');
  const child = endWithUs(
    fork(join(import.meta.dirname, 'embedded/app.ts'), {
      execArgv: ['--import', monitoring],
      env: { ...environmentOfRun(), OTEL_SERVICE_NAME: 'shop', MONITORING_DATA_DIR: directory, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const url = `http://127.0.0.1:${port}`;
  const key = env['MONITORING_API_KEY'] ?? readFileSync(join(directory, 'api-key'), 'utf8').trim();
  return {
    process: child,
    url,
    directory,
    async tell(message) {
      const answer = once(child, 'message');
      child.send(message);
      expect((await answer)[0]).toBe('done');
    },
    get: (path, headers = { 'X-Monitoring-API-Key': key }) => fetch(url + path, { headers, redirect: 'manual' }),
  };
}

let overTheWire: RunningAggregator;
let application: Application;
beforeAll(async () => {
  overTheWire = await startAggregator();
  application = await startApplication({
    MONITORING_API_KEY: KEY,
    OTEL_EXPORTER_OTLP_ENDPOINT: overTheWire.url,
    OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${KEY}`,
  });
  await withinAMinute(() => application.tell('traffic'));
});
afterAll(async () => {
  application.process.kill('SIGKILL');
  await overTheWire.stop();
});

/** What happens across the turn of a minute may be collected on either side. */
async function withinAMinute(doIt: () => Promise<void>): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 5000) await new Promise((done) => setTimeout(done, left));
  await doIt();
}

/** What says when something was asked or came, and by whom. */
const OF_THE_ANSWER = ['timestamp', 'correlation_id', 'last_arrival_at', 'newest_point_at'];
function withoutItsMoment(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (name, value) => (OF_THE_ANSWER.includes(name) ? undefined : value));
}

const PATHS = endpoints.map(({ path }) => path.replace('{id}', 'mutation-success'));

test.each(PATHS)('%s answers alike', async (path) => {
  const [embedded, wire] = await Promise.all([application.get(path), overTheWire.get(path)]);
  expect(embedded.status).toBe(200);
  expect(withoutItsMoment(await embedded.json())).toEqual(withoutItsMoment(await wire.json()));
});

test('the numbers are what was done', async () => {
  const body = async (path: string) => (await application.get(path)).json() as Promise<Record<string, unknown>>;
  expect(await body('/monitoring/graphql/mutations/')).toMatchObject({
    statistics: { total_mutations: 5, failed_mutations: 1, mutation_breakdown: { createJob: 3, pay: 2 } },
  });
  // Of a key the first duplicate counts.
  expect(await body('/monitoring/celery/idempotency/')).toMatchObject({ statistics: { duplicate_hits: 1 } });
  expect(await body('/monitoring/security/sqli/')).toMatchObject({ total_attempts: 1 });
});

test('the application keeps its own paths, and without a key nothing is told', async () => {
  expect(await (await application.get('/')).text()).toBe('the shop');
  expect((await application.get('/healthz')).status).toBe(404);
  expect((await application.get('/monitoring/overview/', {})).status).toBe(403);
  expect((await application.get('/monitoring/page/healthz', {})).status).toBe(200);
});

test('the page stands below /monitoring/page, with all that it needs', async () => {
  const first = await application.get('/monitoring/');
  expect([first.status, first.headers.get('location')]).toEqual([302, '/monitoring/page/']);
  const stranger = await application.get('/monitoring/page/tasks/', {});
  expect(stranger.headers.get('location')).toBe('/monitoring/page/sign-in?to=%2Fmonitoring%2Fpage%2Ftasks%2F');
  const signIn = await fetch(`${application.url}/monitoring/page/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ key: KEY, to: '/monitoring/page/tasks/' }),
    redirect: 'manual',
  });
  expect(signIn.headers.get('location')).toBe('/monitoring/page/tasks/');
  const cookie = String(signIn.headers.get('set-cookie'));
  expect(cookie).toMatch(/; Path=\/monitoring;/);
  const page = await (await application.get('/monitoring/page/', { Cookie: cookie.split(';')[0] })).text();
  const addresses = [...page.matchAll(/(?:href|action|src|data-chart-script)="(\/[^"]*)"/g)].map(
    ([, address]) => address,
  );
  expect(addresses.length).toBeGreaterThan(15);
  for (const address of new Set(addresses.filter((each) => !/sign-out/.test(each)))) {
    expect(address).toMatch(/^\/monitoring\//);
    const answer = await application.get(address, { Cookie: cookie.split(';')[0] });
    expect([address, answer.status]).toEqual([address, 200]);
  }
});

test('what was collected outlives kill -9, and a directory has one process', async () => {
  const { directory } = application;
  await expect(startSecond(directory)).resolves.toMatch(/is in use|another process/);
  application.process.kill('SIGKILL');
  await once(application.process, 'exit');
  application = await startApplication({ MONITORING_API_KEY: KEY }, directory);
  const { statistics } = (await (await application.get('/monitoring/graphql/mutations/')).json()) as {
    statistics: Record<string, unknown>;
  };
  expect(statistics['total_mutations']).toBe(5);
});

test('refusals of its own readers are no blocks of the application', async () => {
  // Paths of GraphQL, so that one endpoint tells refusals there from all others.
  const paths = { VIGIL_GRAPHQL_PATHS: '/limited,/monitoring/security', MONITORING_TRUSTED_HOPS: '1' };
  const refusing = await startApplication({ MONITORING_API_KEY: KEY, ...paths });
  const guess = { 'X-Monitoring-API-Key': 'wrong', 'X-Forwarded-For': '203.0.113.9' };
  const statuses = new Set<number>();
  for (let tries = 0; tries < MAX_WRONG_KEYS + 5; tries++)
    statuses.add((await refusing.get('/monitoring/security', guess)).status);
  expect([...statuses]).toEqual([403, 429]);
  expect((await refusing.get('/limited')).status).toBe(429);
  await refusing.tell('flush');
  const counted = await (await refusing.get('/monitoring/security/graphql/')).json();
  expect(counted).toMatchObject({ rate_limit_violations: 1 });
  refusing.process.kill('SIGKILL');
});

test('what happens shows by itself within three seconds, and SIGTERM collects once more', async () => {
  const directory = temporaryDirectory();
  const total = async ({ get }: Application) => {
    const { statistics } = (await (await get('/monitoring/graphql/mutations/')).json()) as {
      statistics: { total_mutations: number };
    };
    return statistics.total_mutations;
  };
  const first = await startApplication({ MONITORING_API_KEY: KEY }, directory);
  await first.get('/mutate');
  await expect.poll(() => total(first), { timeout: 30_000 }).toBe(1);
  await first.get('/mutate');
  first.process.kill('SIGTERM');
  await once(first.process, 'exit');
  const second = await startApplication({ MONITORING_API_KEY: KEY }, directory);
  expect(await total(second)).toBe(2);
  second.process.kill('SIGKILL');
});

/** @returns what an application that cannot start says */
async function startSecond(directory: string): Promise<string> {
  const child = endWithUs(
    fork(join(import.meta.dirname, 'embedded/monitoring.ts'), {
      env: { ...environmentOfRun(), MONITORING_DATA_DIR: directory },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    }),
  );
  const [said, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'exit')]);
  expect(code).toBe(1);
  return said;
}

test('nothing of it keeps the application alive', async () => {
  const exited = once(application.process, 'exit');
  application.process.send('end');
  expect(await exited).toEqual([0, null]);
});

test('options are held to the rules of the variables, and are named', () => {
  const dataDirectory = temporaryDirectory();
  const wrong = {
    dataDirectory,
    retentionDays: 0,
    clientAddresses: 'none',
    port: 8000,
  } as unknown as AggregatorOptions;
  expect(() => createAggregator(wrong)).toThrow(/port is no option; retentionDays must be .*; clientAddresses must be/);
});
