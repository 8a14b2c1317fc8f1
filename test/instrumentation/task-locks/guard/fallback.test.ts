/** Redis first, another store behind it: what a Redis that is down, killed in mid-call or emptied does to guarded work. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type GuardStore,
  GuardStoreError,
  memoryStore,
  redisStore,
  withFallback,
  withIdempotency,
  withLock,
} from '../../../../instrumentation/task-locks/guard/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../../support/memory-telemetry.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { instrumentRedis, newInstrumentation, openIoredis } from '../fixture.ts';

const instrumentation = newInstrumentation({ spans: false });
instrumentRedis(instrumentation);

describe.skipIf(mayBeSkipped)('with a redis-server', () => {
  let server: RedisServer;
  let telemetry: MemoryTelemetry;
  const closing: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    server = await startRedis();
    telemetry = startMemoryTelemetry(instrumentation);
    instrumentation.enable();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await server.stop();
    // It is told once that the store does not answer.
    await telemetry.stop().catch((error: Error) => expect(error.message).toMatch(/^said to diag: the redis store/));
  });

  /** A client as applications have it: it comes back by itself, and keeps commands meanwhile. */
  async function connect(): Promise<GuardStore> {
    const options = { maxRetriesPerRequest: null, retryStrategy: () => 20 };
    const { client, close } = await openIoredis(server.port, options);
    closing.push(close);
    return redisStore({ client, timeoutMs: 60 });
  }
  async function restart(): Promise<void> {
    server = await startRedis({ port: server.port });
  }
  const requests = async () => {
    const points = await telemetry.points('vigil.task.requests');
    return Object.fromEntries(points.map((p) => [p.attributes['vigil.idempotency.outcome'], p.value]));
  };
  const checks = async () => {
    const points = await telemetry.points('vigil.idempotency.check.duration');
    return Object.fromEntries(points.map((p) => [p.attributes['db.system.name'], p.value]));
  };
  const until = async (what: () => Promise<boolean>) => {
    for (let i = 0; i < 200 && !(await what()); i++) await delay(10);
  };

  test('killed in mid-call: the work ends, and its duplicates are known, before and after Redis is back', async () => {
    const redis = await connect();
    const store = withFallback(redis, memoryStore(), { retryAfterMs: 30 });
    const options = { task: 'send_email', key: 'k', store };
    const first = withIdempotency(options, async () => {
      await server.stop();
      return 'sent';
    });
    expect(await first).toEqual({ outcome: 'executed', value: 'sent' });
    expect(await withIdempotency(options, () => 'twice')).toEqual({ outcome: 'replayed', value: 'sent' });
    expect(await withIdempotency({ ...options, key: 'new' }, () => 1)).toEqual({ outcome: 'executed', value: 1 });
    await restart();
    // What was done meanwhile is brought to the server, so that other machines know of it.
    const elsewhere = await connect();
    const claim = { token: 'other', fingerprint: '', leaseMs: 1, keepMs: 1 };
    await until(async () => (await elsewhere.claim('probe', claim)).state === 'new');
    await delay(100);
    const there = { ...options, store: elsewhere };
    expect(await withIdempotency(there, () => 'twice')).toEqual({ outcome: 'replayed', value: 'sent' });
    expect(await withIdempotency({ ...there, key: 'new' }, () => 2)).toEqual({ outcome: 'replayed', value: 1 });
    expect(await requests()).toEqual({ executed: 2, replayed: 3 });
    expect(await checks()).toEqual({ redis: 3, memory: 2 });
  });

  test('a duplicate that ran on another machine while Redis was down is counted when it is found out', async () => {
    const redis = await connect();
    const here = withFallback(redis, memoryStore(), { retryAfterMs: 30 });
    const there = withFallback(await connect(), memoryStore(), { retryAfterMs: 30 });
    await server.stop();
    for (const store of [here, there]) await withIdempotency({ task: 't', key: 'k', store }, () => 1);
    expect(await requests()).toEqual({ executed: 2 });
    await restart();
    await until(async () => 'escaped' in (await requests()));
    expect(await requests()).toEqual({ executed: 2, escaped: 1 });
    expect((await telemetry.points('vigil.task.duplicated_keys'))[0]?.value).toBe(1);
  });

  test('a Redis that comes back empty does not let anything run twice that this machine knows of', async () => {
    const store = withFallback(await connect(), memoryStore(), { retryAfterMs: 10 });
    await withIdempotency({ task: 't', key: 'k', store }, () => 1);
    const held = withLock({ task: 't', store, leaseMs: 400 }, async ({ signal }) => {
      await server.stop();
      await restart();
      await delay(80);
      expect(await withIdempotency({ task: 't', key: 'k', store }, () => 2)).toEqual({ outcome: 'replayed', value: 1 });
      expect(await withLock({ task: 't', store }, () => 3)).toEqual({ outcome: 'held' });
      return signal.aborted;
    });
    expect(await held).toEqual({
      outcome: 'acquired',
      value: false,
      release: expect.stringMatching(/^(?:released|expired)$/),
    });
  });

  test('without a second store the work does not run, and the error says why', async () => {
    const store = await connect();
    await server.stop();
    let ran = 0;
    const work = () => ++ran;
    await expect(withIdempotency({ task: 't', key: 'k', store }, work)).rejects.toThrow(GuardStoreError);
    await expect(withLock({ task: 't', store }, work)).rejects.toThrow(/Redis did not answer within 60 ms/);
    expect(ran).toBe(0);
    const [point] = await telemetry.points('vigil.lock.acquire.duration');
    expect(point?.attributes).toMatchObject({ 'vigil.lock.outcome': 'error', 'vigil.lock.system': 'redis' });
    // Its late answer does not leave the key behind as taken.
    await restart();
    await delay(120);
    expect(await withIdempotency({ task: 't', key: 'k', store }, work)).toEqual({ outcome: 'executed', value: 1 });
  });
});

test('a first store that missed the end, and whose lease has passed, does not let it run again', async () => {
  let nowMs = Date.now();
  const first = memoryStore({ nowMs: () => nowMs });
  const unreachable = { ...first, complete: () => Promise.reject(new Error('out of reach')) };
  const store = withFallback(unreachable, memoryStore(), { retryAfterMs: 1 });
  const work = () => withIdempotency({ store, task: 'pay', key: 'one', leaseMs: 1000 }, () => 'paid');
  expect(await work()).toEqual({ outcome: 'executed', value: 'paid' });
  nowMs += 5000;
  // Then the first store is asked again.
  await delay(10);
  expect(await work()).toEqual({ outcome: 'replayed', value: 'paid' });
});

test.each([Infinity, Number.NaN, -1, '1000'])('a store is not left alone for %s ms', (retryAfterMs) => {
  expect(() => withFallback(memoryStore(), memoryStore(), { retryAfterMs: retryAfterMs as number })).toThrow(
    'withFallback: retryAfterMs takes 1 to 2147483647',
  );
});

test('a time that came as text is refused', async () => {
  const options = { store: memoryStore(), task: 't', key: 'k', ttlMs: '86400000' as unknown as number };
  await expect(withIdempotency(options, () => 1)).rejects.toThrow('ttlMs');
});

test('a store in memory makes room by what has expired, not by the oldest', async () => {
  let nowMs = 0;
  const store = memoryStore({ nowMs: () => nowMs, maxKeys: 60 });
  const run = (key: string, ttlMs: number) =>
    withIdempotency({ store, task: 't', key, ttlMs, leaseMs: 500 }, () => key);
  await run('kept', 60_000);
  for (let n = 0; n < 50; n++) await run(`early ${n}`, 1000);
  nowMs += 5000;
  for (let n = 0; n < 50; n++) await run(`late ${n}`, 1000);
  // 101 keys came, for 60 places: without the sweep the oldest would be gone.
  expect((await run('kept', 60_000)).outcome).toBe('replayed');
});
