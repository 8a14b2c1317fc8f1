/** withIdempotency and withLock over every store: what they answer, and that each of it is counted once. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type GuardStore,
  LeaseLostError,
  memoryStore,
  withIdempotency,
  withLock,
} from '../../../../instrumentation/task-locks/guard/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../../support/memory-telemetry.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { instrumentRedis, newInstrumentation } from '../fixture.ts';
import { type OpenStore, redisKinds, storeKinds } from './fixture.ts';

/** The hooks of Redis are in place beneath: they must not report what the guards report. */
const instrumentation = newInstrumentation();
instrumentRedis(instrumentation);

let server: RedisServer | undefined;
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

async function counts(metric: string): Promise<Record<string, number>> {
  const points = await telemetry.points(metric);
  return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
}

const kinds = ['memory', 'sqlite', ...(mayBeSkipped ? [] : (['ioredis', 'node-redis'] as const))] as const;

describe.each(kinds)('%s', (kind) => {
  let opened: OpenStore;
  let store: GuardStore;
  const system = kind === 'memory' || kind === 'sqlite' ? kind : 'redis';
  beforeEach(async () => {
    opened = kind === 'memory' || kind === 'sqlite' ? await storeKinds[kind]() : await redisKinds[kind](server!.port);
    ({ store } = opened);
  });
  afterEach(() => opened.close());

  test('of many callers at once one executes, and those that come later get its result', async () => {
    const work = vi.fn(async ({ fence }: { fence: number }) => {
      await delay(20);
      return { sent: true, fence };
    });
    const call = (key: string) =>
      withIdempotency({ task: 'send_email', scope: 'user', owner: 'ada', key: `${kind} ${key}`, store }, work);
    const outcomes = (await Promise.all(Array.from({ length: 30 }, (_, i) => call(`k${i % 3}`)))).map((r) => r.outcome);
    expect(outcomes.filter((outcome) => outcome === 'executed')).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === 'in_flight')).toHaveLength(27);
    const replayed = await call('k0');
    expect(replayed).toEqual({ outcome: 'replayed', value: { sent: true, fence: expect.any(Number) } });
    expect((await call('alone')).outcome).toBe('executed');
    expect(work).toHaveBeenCalledTimes(4);
    expect(await counts('vigil.task.requests')).toEqual({
      'send_email user executed': 4,
      'send_email user in_flight': 27,
      'send_email user replayed': 1,
    });
    expect(await counts('vigil.task.duplicated_keys')).toEqual({ 'send_email user': 3 });
    expect(await counts('vigil.idempotency.check.duration')).toEqual({ [system]: 32 });
    expect(await counts('vigil.lock.acquire.duration')).toEqual({});
  });

  test('the key is made of the arguments, whatever their order; owners and tasks are kept apart', async () => {
    const call = (task: string, owner: string, args: unknown) =>
      withIdempotency({ task, scope: 'tenant', owner: `${kind} ${owner}`, args, store, category: 'message' }, () => 1);
    expect((await call('a', 'x', { p: 1, q: [2] })).outcome).toBe('executed');
    expect(await call('a', 'x', { q: [2], p: 1 })).toEqual({ outcome: 'replayed', value: 1 });
    for (const [task, owner, args] of [
      ['a', 'y', { p: 1, q: [2] }],
      ['b', 'x', { p: 1, q: [2] }],
      ['a', 'x', { p: 1, q: [3] }],
    ] as const)
      expect((await call(task, owner, args)).outcome).toBe('executed');
  });

  test('other arguments under one key, results that are not stored, and work that fails', async () => {
    const base = { task: 'pay', store, key: `${kind} mixed` };
    expect((await withIdempotency({ ...base, args: { cents: 100 } }, () => 'paid')).outcome).toBe('executed');
    expect(await withIdempotency({ ...base, args: { cents: 900 } }, () => 'paid')).toEqual({ outcome: 'mismatch' });
    const quiet = { task: 'pay', store, key: `${kind} quiet`, replay: false };
    await withIdempotency(quiet, () => 'secret');
    expect(await withIdempotency(quiet, () => 'secret')).toEqual({ outcome: 'prevented' });
    const nothing = { task: 'pay', store, key: `${kind} nothing` };
    await withIdempotency(nothing, () => undefined);
    expect(await withIdempotency(nothing, () => undefined)).toEqual({ outcome: 'replayed', value: undefined });
    const failing = { task: 'pay', store, key: `${kind} failing` };
    const error = new Error('no money');
    await expect(withIdempotency(failing, () => Promise.reject(error))).rejects.toBe(error);
    expect((await withIdempotency(failing, () => 1)).outcome).toBe('executed');
  });

  test('a lock: one at a time, others wait or go, and each holder has a greater fence', async () => {
    let inside = 0;
    const fences: number[] = [];
    const hold = (waitMs: number, until?: Promise<void>) =>
      withLock({ task: 'close_jobs', key: kind, store, waitMs }, async ({ fence }) => {
        expect(++inside).toBe(1);
        fences.push(fence);
        await (until ?? delay(2));
        inside--;
      });
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    const first = hold(0, until);
    while (inside === 0) await delay(1);
    expect(await hold(0)).toEqual({ outcome: 'held' });
    expect(await hold(2)).toEqual({ outcome: 'timeout' });
    letGo();
    const results = await Promise.all([first, ...Array.from({ length: 4 }, () => hold(5000))]);
    for (const result of results) expect(result).toMatchObject({ outcome: 'acquired', release: 'released' });
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
    expect(await counts('vigil.lock.acquire.duration')).toEqual({
      [`${system} acquired close_jobs`]: 5,
      [`${system} held close_jobs`]: 1,
      [`${system} timeout close_jobs`]: 1,
    });
    expect(await counts('vigil.lock.hold.duration')).toEqual({ [`${system} released close_jobs`]: 5 });
    const spans = telemetry.spans();
    expect(spans).toHaveLength(7);
    expect(spans[1]!.links.map(({ context }) => context.spanId)).toEqual([spans[0]!.spanContext().spanId]);
  });

  test('a lease that ends is told: to the work, to the caller, to the metrics', async () => {
    const options = { task: 'report', key: kind, store, leaseMs: 30, renew: false };
    let reason: unknown;
    const taken = withLock(options, async ({ signal }) => {
      await delay(60);
      reason = signal.reason;
      // Somebody else takes it now.
      expect(await withLock(options, () => 'other')).toMatchObject({ outcome: 'acquired', release: 'released' });
    });
    // The other one has released it again: nobody holds it.
    expect(await taken).toMatchObject({ outcome: 'acquired', release: 'expired' });
    expect(reason).toBeInstanceOf(LeaseLostError);
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    let other: Promise<unknown> | undefined;
    const lost = await withLock({ ...options, key: `${kind} lost` }, async () => {
      await delay(60);
      other = withLock({ ...options, key: `${kind} lost`, leaseMs: 5000 }, () => until);
      await delay(15);
    });
    letGo();
    expect(lost).toMatchObject({ release: 'lost' });
    await other;
    expect(await counts('vigil.lock.hold.duration')).toEqual({
      [`${system} released report`]: 2,
      [`${system} expired report`]: 1,
      [`${system} lost report`]: 1,
    });
  });

  test('a lease is renewed while the work runs', async () => {
    const held = withLock({ task: 'long', key: kind, store, leaseMs: 240 }, async ({ signal }) => {
      await delay(330);
      return signal.aborted;
    });
    await delay(270);
    expect(await withLock({ task: 'long', key: kind, store }, () => {})).toEqual({ outcome: 'held' });
    expect(await held).toEqual({ outcome: 'acquired', value: false, release: 'released' });
    const renewals = await counts('vigil.lock.renewals');
    expect(Object.keys(renewals)).toEqual([`${system} renewed`]);
    expect(renewals[`${system} renewed`]).toBeGreaterThanOrEqual(2);
  });

  test('who takes over from one that was not heard of again counts as escaped', async () => {
    const options = { task: 'import', key: `${kind} dead`, store, leaseMs: 10 };
    // A process that died after its claim: nobody renews.
    const claim = store.claim;
    let key = '';
    const spying = {
      ...store,
      claim: (...args: Parameters<typeof claim>) => {
        [key] = args;
        return claim(...args);
      },
    };
    const dead = withIdempotency({ ...options, store: { ...spying, renew: async () => false } }, () => delay(60));
    await delay(35);
    expect(await withIdempotency(options, () => 'again')).toEqual({ outcome: 'escaped', value: 'again' });
    expect((await dead).outcome).toBe('executed');
    expect(key).toMatch(/^vigil:idempotency:import:[\w-]{43}$/);
    expect(await withIdempotency(options, () => 'third')).toEqual({ outcome: 'replayed', value: 'again' });
    expect(await counts('vigil.task.requests')).toEqual({
      'import global executed': 1,
      'import global escaped': 1,
      'import global replayed': 1,
    });
    expect(await counts('vigil.task.duplicated_keys')).toEqual({ 'import global': 1 });
  });
});

test('options that cannot be are refused before anything runs, and named', async () => {
  const store = memoryStore();
  const work = vi.fn();
  const cases: readonly [object, RegExp][] = [
    [{ task: '' }, /withIdempotency: task/],
    [{ scope: 'planet', key: 'k' }, /scope takes global, user, device, tenant, not planet/],
    [{ scope: 'user', key: 'k' }, /scope user needs owner/],
    [{ owner: 'ada', key: 'k' }, /owner needs a scope/],
    [{}, /give a key, or args/],
    [{ key: '' }, /key takes a text/],
    [{ key: 'k', category: 'soon' }, /category takes message, request, payment, not soon/],
    [{ key: 'k', ttlMs: -1 }, /ttlMs takes 10 to/],
    [{ key: 'k', leaseMs: Number.NaN }, /leaseMs takes 10 to/],
    [{ args: { big: 1n } }, /args\.big: a bigint/],
  ];
  for (const [options, message] of cases)
    await expect(withIdempotency({ task: 't', store, ...options } as never, work)).rejects.toThrow(message);
  await expect(withLock({ task: 't', store, waitMs: -1 }, work)).rejects.toThrow(/withLock: waitMs/);
  expect(work).not.toHaveBeenCalled();
});

test('without an instrumentation the work is guarded all the same', async () => {
  instrumentation.disable();
  const options = { task: 't', key: 'k', store: memoryStore() };
  expect(await withIdempotency(options, () => 1)).toEqual({ outcome: 'executed', value: 1 });
  expect(await withIdempotency(options, () => 2)).toEqual({ outcome: 'replayed', value: 1 });
  expect(await withLock(options, () => 3)).toEqual({ outcome: 'acquired', value: 3, release: 'released' });
});
