/**
 * The libraries of locks and keys, each in the versions that are observed, as ES modules and CommonJS: real processes under
 * the registration, a real Redis and PostgreSQL, and the aggregator, which must answer exactly what was done. Every process
 * also runs without the registration, and its libraries must answer the same. `node test/peers/task-locks.ts [part of a name]`.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type AppEnd, REGISTER, runApp } from '../otel-config/run-app.ts';
import { type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { installPeers } from './install.ts';
import { type Case, cases, type Expected } from './task-locks-cases.ts';

const WITHIN_MS = 50_000;
const SECRET_KEYS = /user:ada|acme-|key-one|monthly|b-one/;

interface Parts {
  readonly capture: OtlpCapture;
  readonly aggregator: RunningAggregator;
  readonly postgres: PostgresServer;
}

interface Run {
  readonly service: string;
  readonly imports: readonly string[];
}

async function runScenario(one: Case, parts: Parts, redis: RedisServer, { service, imports }: Run): Promise<unknown> {
  const ends: AppEnd[] = [];
  const env = {
    OTEL_LOG_LEVEL: 'WARN',
    OTEL_SERVICE_NAME: service,
    OTEL_EXPORTER_OTLP_ENDPOINT: parts.capture.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    REDIS_PORT: String(redis.port),
    POSTGRES_URL: parts.postgres.url,
    SCHEMA: `s_${service.replaceAll(/\W+/g, '_').toLowerCase()}`,
    START_AT: String(Date.now() + 2500),
    SCENARIO: one.scenario,
    ...one.env,
  };
  const whenReady = one.kill ? () => redis.stop() : () => {};
  const start = (more: Readonly<Record<string, string>>): Promise<AppEnd> =>
    runApp(join(import.meta.dirname, one.folder, one.file), { imports, env: { ...env, ...more }, whenReady });
  if (one.first !== undefined) {
    const { code, stderr } = await start(one.first);
    assert.deepEqual([code, stderr], [0, ''], 'what goes before');
  }
  ends.push(...(await Promise.all(Array.from({ length: one.processes ?? 1 }, () => start({})))));
  for (const { code, stdout, stderr } of ends) assert.deepEqual([code, stderr], [0, ''], stdout);
  const said = /^answers (.*)$/m.exec(ends[0]!.stdout)?.[1];
  assert.ok(said !== undefined, 'it printed no answers');
  return JSON.parse(said);
}

/** With and without the registration, each on a Redis of its own. */
async function runCase(one: Case, parts: Parts): Promise<void> {
  const [seen, bare] = await Promise.all(
    [[REGISTER], []].map(async (imports, i) => {
      const redis = await startRedis();
      try {
        return await runScenario(one, parts, redis, { service: `${one.name}${i === 0 ? '' : ' bare'}`, imports });
      } finally {
        await redis.stop();
      }
    }),
  );
  assert.deepEqual(seen, bare, 'the libraries answer otherwise');
  one.check?.(seen);
  await forward(parts, one.name);
  if (one.about !== undefined) await one.about(await answersOf(parts, one.name), seen);
  else assert.deepEqual(await answersOf(parts, one.name), { ...none, ...one.expected });
}

async function forward({ capture, aggregator }: Parts, service: string): Promise<void> {
  const own = capture.requests.filter(({ body }) => JSON.stringify(body).includes(`"${service}"`));
  assert.doesNotMatch(JSON.stringify(own.map(({ body }) => body)), SECRET_KEYS, 'a key was told');
  for (const { path, body } of own) {
    const answer = await aggregator.post(path, JSON.stringify(body), { 'content-type': 'application/json' });
    assert.equal(answer.status, 200);
  }
}

const none: Expected = { requests: {}, hits: 0, prevented: 0, locks: {}, ends: {}, renewals: {} };

interface Breakdown {
  readonly top_endpoints: readonly { endpoint: string; total_requests: number; duplicate_hits: number }[];
  readonly scope_breakdown: readonly { total_duplicates: number }[];
  readonly redis_metrics: { readonly duplicate_detected: number; readonly lock_acquired: number };
  readonly lock_performance: { readonly failures_by_reason: Readonly<Record<string, number>> };
}

/** What the endpoints say; how locks ended and were renewed stands in what was exported. */
async function answersOf({ aggregator, capture }: Parts, service: string): Promise<Expected> {
  const path = `/monitoring/celery/idempotency/breakdown/?window=1&service=${encodeURIComponent(service)}`;
  const body = await aggregator.json<Breakdown>(path);
  const { redis_metrics: redis, lock_performance: locks, scope_breakdown: scopes } = body;
  const failures = Object.entries(locks.failures_by_reason).filter(([, count]) => count > 0);
  const acquired: Record<string, number> = redis.lock_acquired > 0 ? { acquired: redis.lock_acquired } : {};
  const count = (metric: string, key: string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { attributes, value, count: events } of capture.lastPoints(service, metric)) {
      const name = String(attributes[key]);
      counts[name] = (counts[name] ?? 0) + (events || value);
    }
    return counts;
  };
  return {
    requests: Object.fromEntries(body.top_endpoints.map((one) => [one.endpoint, one.total_requests])),
    hits: redis.duplicate_detected,
    prevented: scopes.reduce((sum, one) => sum + one.total_duplicates, 0),
    locks: { ...acquired, ...Object.fromEntries(failures) },
    ends: count('vigil.lock.hold.duration', 'vigil.lock.release'),
    renewals: count('vigil.lock.renewals', 'vigil.lock.renewal'),
  };
}

async function within(run: Promise<void>, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} does not end`)), WITHIN_MS);
  });
  await Promise.race([run, late]).finally(() => clearTimeout(timer));
}

const chosen = cases.filter(({ name }) => name.includes(process.argv[2] ?? ''));
for (const folder of new Set(chosen.map((one) => one.folder))) await installPeers(join(import.meta.dirname, folder));
const parts = {
  capture: await startOtlpCapture(),
  aggregator: await startAggregator(),
  postgres: await startPostgres(),
};
let failed = 0;
const waiting = [...chosen];
/** Two at a time: they mostly wait. */
const lane = async (): Promise<void> => {
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    try {
      await within(runCase(one, parts), one.name);
      console.log(`ok      ${one.name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${one.name}`);
      console.log(error);
    }
  }
};
await Promise.all([lane(), lane()]);
await Promise.all([parts.capture.close(), parts.aggregator.stop(), parts.postgres.stop()]);
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
