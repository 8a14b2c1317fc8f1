/** ioredis and node-redis against a real redis-server: exact numbers, and the same results with and without observation. */
import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reportedAbove } from '../../../instrumentation/task-locks/layers.ts';
import { freePort } from '../../support/aggregator.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../../support/redis-server.ts';
import {
  IoRedis,
  IoRedisCluster,
  instrumentRedis,
  newInstrumentation,
  openIoredis,
  openNodeRedis,
  type RedisCommands,
} from './fixture.ts';

const instrumentation = newInstrumentation({
  keyRules: [
    { match: /^dedup:/, task: 'send_email', scope: 'user', kind: 'dedup' },
    { match: /^cache:/, kind: 'ignore' },
  ],
});
instrumentRedis(instrumentation);

const RELEASE = 'if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';
const RENEW =
  'if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2]) else return 0 end';

let server: RedisServer;
let telemetry: MemoryTelemetry;
beforeAll(async () => {
  if (!mayBeSkipped) server = await startRedis();
});
afterAll(() => server?.stop());
beforeEach(() => {
  telemetry = startMemoryTelemetry(instrumentation);
  instrumentation.enable();
});
afterEach(() => telemetry.stop());

/** Counts by the values of a metric's attributes, in the order of the registry. */
async function counts(metric: string): Promise<Record<string, number>> {
  const points = await telemetry.points(metric);
  return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
}

const acquired = () => counts('vigil.lock.acquire.duration');
const ended = () => counts('vigil.lock.hold.duration');
let run = 0;

describe.skipIf(mayBeSkipped).each([
  ['ioredis', openIoredis],
  ['node-redis', openNodeRedis],
] as const)('%s', (_, open) => {
  let redis: RedisCommands;
  let other: RedisCommands;
  let prefix: string;
  beforeEach(async () => {
    [redis, other] = await Promise.all([open(server.port), open(server.port)]);
    // Digits are not a part of names.
    prefix = `r${++run}000`;
  });
  afterEach(() => Promise.all([redis.close(), other.close()]));
  const key = (name: string) => `${name}:${prefix}`;

  test('SET NX: got, held, released, with the time that it was held', async () => {
    expect(await redis.send('SET', key('close_jobs'), 'me', 'NX', 'PX', '60000')).toBe('OK');
    expect(await other.send('set', key('close_jobs'), 'you', 'PX', '60000', 'nx')).toBe(null);
    await delay(30);
    expect(await redis.send('DEL', key('close_jobs'))).toBe(1);
    expect(await redis.send('SETNX', key('close_jobs'), 'me')).toBe(1);
    expect(await other.send('SETNX', key('close_jobs'), 'you')).toBe(0);
    expect(await redis.send('UNLINK', key('close_jobs'), key('nothing'))).toBe(1);
    expect(await acquired()).toEqual({ 'redis acquired close_jobs:*': 2, 'redis held close_jobs:*': 2 });
    expect(await ended()).toEqual({ 'redis released close_jobs:*': 2 });
    const [hold] = await telemetry.points('vigil.lock.hold.duration');
    expect(hold!.sum).toBeGreaterThan(0.029);
  });

  test('SET NX GET, and what is no lock', async () => {
    expect(await redis.send('SET', key('a'), 'NX', 'NX', 'GET', 'PX', '60000')).toBe(null);
    expect(await redis.send('SET', key('a'), 'NX', 'NX', 'GET', 'PX', '60000')).toBe('NX');
    await redis.send('SET', key('b'), 'NX');
    await redis.send('SET', key('b'), 'x', 'XX');
    await redis.send('GET', key('b'));
    await redis.send('SET', `cache:${prefix}`, 'x', 'NX');
    await redis.send('DEL', key('b'), `cache:${prefix}`);
    expect(await acquired()).toEqual({ 'redis acquired a:*': 1, 'redis held a:*': 1 });
    expect(await ended()).toEqual({});
  });

  test('expired before the release, and taken by somebody else', async () => {
    for (const name of ['gone', 'taken']) await redis.send('SET', key(name), 'me', 'PX', '15', 'NX');
    await delay(40);
    await other.send('SET', key('taken'), 'you', 'PX', '60000');
    expect(await redis.send('DEL', key('gone'))).toBe(0);
    expect(await redis.send('EVAL', RELEASE, '1', key('taken'), 'me')).toBe(0);
    await redis.send('SET', key('stolen'), 'me', 'PX', '15', 'NX');
    await delay(40);
    await other.send('SET', key('stolen'), 'you');
    // It removes the lock of somebody else.
    expect(await redis.send('DEL', key('stolen'))).toBe(1);
    await redis.send('SET', key('removed'), 'me', 'PX', '60000', 'NX');
    await other.send('SET', key('removed'), 'you');
    expect(await redis.send('EVAL', RELEASE, '1', key('removed'), 'me')).toBe(0);
    expect(await ended()).toEqual({
      'redis expired gone:*': 1,
      'redis expired taken:*': 1,
      'redis lost stolen:*': 1,
      'redis lost removed:*': 1,
    });
  });

  test('scripts: renewed and released, by text and by digest', async () => {
    const digest = String(await redis.send('SCRIPT', 'LOAD', RENEW));
    await redis.send('SET', key('a'), 'me', 'PX', '400', 'NX');
    expect(await redis.send('EVAL', RENEW, '1', key('a'), 'me', '5000')).toBe(1);
    expect(await redis.send('EVALSHA', digest, '1', key('a'), 'me', '60000')).toBe(1);
    await delay(420);
    expect(await redis.send('PEXPIRE', key('a'), '60000')).toBe(1);
    expect(await redis.send('EVAL', RELEASE, '1', key('a'), 'me')).toBe(1);
    await redis.send('SET', key('b'), 'me', 'PX', '60000', 'NX');
    await other.send('GETDEL', key('b'));
    expect(await redis.send('EVAL', RENEW, '1', key('b'), 'me', '500')).toBe(0);
    await redis.send('EVAL', RENEW, '1', key('never ours'), 'x', '500');
    expect(await counts('vigil.lock.renewals')).toEqual({ 'redis renewed': 3, 'redis lost': 1 });
    expect(await ended()).toEqual({ 'redis released a:*': 1, 'redis lost b:*': 1 });
  });

  test('MULTI and pipelines, with other commands in between', async () => {
    const commands = [
      ['SET', key('p'), 'me', 'PX', '60000', 'NX'],
      ['GET', key('p')],
      ['SET', key('p'), 'you', 'PX', '60000', 'NX'],
      ['INCR', key('p')],
      ['DEL', key('p')],
    ];
    const failed = expect.objectContaining({ message: expect.stringMatching(/not an integer/) });
    const pairs = redis.name === 'ioredis';
    const inTransaction = await redis.multi(commands).catch((error: unknown) => error);
    if (pairs) expect(inTransaction).toEqual([[null, 'OK'], [null, 'me'], [null, null], [failed], [null, 1]]);
    expect(await acquired()).toEqual({ 'redis acquired p:*': 1, 'redis held p:*': 1 });
    // The lock was not known to be held when its release was queued.
    expect(await ended()).toEqual({});
    const piped = await redis.pipeline(commands).catch((error: unknown) => error);
    if (pairs) expect(piped).toEqual([[null, 'OK'], [null, 'me'], [null, null], [failed], [null, 1]]);
    expect(await acquired()).toEqual({ 'redis acquired p:*': 2, 'redis held p:*': 2 });
  });

  test('a transaction that is discarded because a watched key changed leaves no trace', async () => {
    await redis.send('WATCH', key('w'));
    await other.send('SET', key('w'), 'x');
    await redis.multi([['SET', key('m'), 'me', 'NX']]).catch(() => {});
    expect(await acquired()).toEqual({});
    await redis.send('SET', key('m'), 'me', 'NX');
    expect(await acquired()).toEqual({ 'redis acquired m:*': 1 });
  });

  test('keys of deduplication count requests, and each key once', async () => {
    const send = (id: string) => redis.send('SET', `dedup:${prefix}:${id}`, '1', 'EX', '60', 'NX');
    for (const id of ['a', 'a', 'b', 'a', 'c', 'b', 'a']) await send(id);
    expect(await counts('vigil.task.requests')).toEqual({
      'send_email user executed': 3,
      'send_email user prevented': 4,
    });
    expect(await counts('vigil.task.duplicated_keys')).toEqual({ 'send_email user': 2 });
    expect(await counts('vigil.idempotency.check.duration')).toEqual({ redis: 7 });
    expect(await acquired()).toEqual({});
  });

  test('the span of an attempt, and its link to who holds the key', async () => {
    const tracer = trace.getTracer('test');
    await redis.send('SET', key('s'), 'me', 'NX');
    await tracer.startActiveSpan('outer', async (span) => {
      await other.send('SET', key('s'), 'you', 'NX');
      span.end();
    });
    const [got, held] = telemetry.spans();
    expect(got).toMatchObject({ name: 'lock s:*', links: [] });
    expect(held!.links.map(({ context }) => context.spanId)).toEqual([got!.spanContext().spanId]);
    expect(held!.attributes).toEqual({
      'vigil.lock.system': 'redis',
      'vigil.lock.outcome': 'held',
      'vigil.task.name': 's:*',
    });
  });

  test('what an upper layer reports is not reported again', async () => {
    await reportedAbove(() => redis.send('SET', key('a'), 'me', 'NX'));
    await redis.send('DEL', key('a'));
    expect(await acquired()).toEqual({});
  });

  test('errors are the same, and counted', async () => {
    const attempts = async () => {
      const errors: unknown[] = [];
      for (const args of [
        ['SET', key('e'), 'x', 'NX', 'XX'],
        ['SET', key('e')],
        ['EVALSHA', 'f'.repeat(40), '0'],
      ])
        errors.push(await redis.send(...args).catch((error: Error) => `${error.name}: ${error.message}`));
      return errors;
    };
    instrumentation.disable();
    const bare = await attempts();
    instrumentation.enable();
    expect(await attempts()).toEqual(bare);
    expect(bare[0]).toMatch(/syntax error/);
    expect(await acquired()).toEqual({ 'redis error e:*': 1 });
  });

  test('a server that dies in mid-call', async () => {
    const dying = await startRedis();
    const deaths = async () => {
      const client = await open(dying.port);
      await client.send('SET', key('d'), 'me', 'NX');
      // Whoever waits here is interrupted.
      const waiting = client.send('BLPOP', key('list'), '0').catch((error: Error) => error.constructor.name);
      const asked = client.send('SET', key('d'), 'you', 'NX').catch((error: Error) => error.constructor.name);
      return { client, settled: Promise.all([waiting, asked]) };
    };
    instrumentation.disable();
    const bare = await deaths();
    instrumentation.enable();
    const observed = await deaths();
    // What the server has not read yet would make it a reset connection.
    await delay(30);
    await dying.stop();
    expect(await observed.settled).toEqual(await bare.settled);
    await Promise.all([bare.client.close(), observed.client.close()]);
    expect(await acquired()).toEqual({ 'redis held d:*': 1, 'redis error d:*': 1 });
  });
});

test.skipIf(mayBeSkipped)('ioredis: a rejection that nobody awaits stays unhandled', async () => {
  const redis = await openIoredis(server.port);
  const unhandled: unknown[] = [];
  const keep = (error: unknown): void => void unhandled.push(error);
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', keep);
  try {
    void redis.client.set('unawaited', 'x', 'NX', 'PX' as never);
    await redis.client.ping();
    await delay(5);
  } finally {
    process.off('unhandledRejection', keep);
    for (const listener of listeners) process.on('unhandledRejection', listener);
    await redis.close();
  }
  expect(unhandled).toHaveLength(1);
});

test.skipIf(mayBeSkipped)('ioredis: a command that waits for the connection comes twice and counts once', async () => {
  const client = new IoRedis({ port: server.port, host: '127.0.0.1', lazyConnect: true });
  try {
    expect(await client.set('lock:waiting', 'me', 'PX', 60_000, 'NX')).toBe('OK');
    expect(await client.multi().set('lock:queued', 'me', 'PX', 60_000, 'NX').get('x').exec()).toHaveLength(2);
    expect(await acquired()).toEqual({ 'redis acquired lock:waiting': 1, 'redis acquired lock:queued': 1 });
  } finally {
    client.disconnect();
  }
});

test.skipIf(mayBeSkipped)('ioredis in a cluster: once, also where the command is sent to its node', async () => {
  const node = await startRedis({
    args: [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(await freePort()),
      '--cluster-announce-ip',
      '127.0.0.1',
    ],
  });
  const admin = await openIoredis(node.port);
  await admin.send('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  while (!String(await admin.send('CLUSTER', 'INFO')).includes('cluster_state:ok')) await delay(20);
  const cluster = new IoRedisCluster([{ host: '127.0.0.1', port: node.port }]);
  try {
    expect(await cluster.set('{x}k', 'me', 'PX', 60_000, 'NX')).toBe('OK');
    expect(await cluster.set('{x}k', 'you', 'PX', 60_000, 'NX')).toBe(null);
    expect(await cluster.multi().set('{x}t', 'me', 'NX').del('{x}k').exec()).toEqual([
      [null, 'OK'],
      [null, 1],
    ]);
    expect(await acquired()).toEqual({ 'redis acquired xk': 1, 'redis held xk': 1, 'redis acquired xt': 1 });
    expect(await ended()).toEqual({ 'redis released xk': 1 });
  } finally {
    cluster.disconnect();
    await admin.close();
    await node.stop();
  }
});
