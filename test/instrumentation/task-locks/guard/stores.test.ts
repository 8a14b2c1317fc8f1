/** All stores are one: what they answer to the same steps is the same, with the server's Lua as with our own records. */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GuardStore } from '../../../../instrumentation/task-locks/guard/index.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { type OpenStore, redisKinds, storeKinds } from './fixture.ts';

let server: RedisServer | undefined;
const open: OpenStore[] = [];
beforeAll(async () => {
  open.push(await storeKinds.memory(), await storeKinds.sqlite());
  if (mayBeSkipped) return;
  server = await startRedis();
  open.push(await redisKinds.ioredis(server.port), await redisKinds['node-redis'](server.port));
});
afterAll(async () => {
  for (const { close } of open) await close();
  await server?.stop();
});

/** One step of one of three parties; a lease of 0 has ended as soon as it has begun. */
const step = fc.record({
  what: fc.constantFrom('claim', 'claim', 'claim', 'renew', 'complete', 'abandon', 'release'),
  party: fc.constantFrom('a', 'b', 'c'),
  fingerprint: fc.constantFrom('x', 'x', 'x', 'y'),
  leaseMs: fc.constantFrom(0, 60_000),
  result: fc.constantFrom('', '{"value":7}'),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What a store answers, without what differs by design: its name, and the fences, which must grow. */
async function play(store: GuardStore, key: string, steps: readonly Step[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  let highest = 0;
  for (const { what, party, fingerprint, leaseMs, result } of steps) {
    const claim = { token: party, fingerprint, leaseMs, keepMs: 60_000 };
    const lease = { ...claim, fence: 1 };
    if (what === 'claim') {
      const { system, fence, ...answer } = await store.claim(key, claim);
      expect(system).toBe(store.system);
      if (fence > 0) expect(fence).toBeGreaterThanOrEqual(highest);
      highest = Math.max(highest, fence);
      answers.push({ ...answer, isHeld: fence > 0 });
    } else if (what === 'renew') answers.push(await store.renew(key, lease));
    else if (what === 'complete') answers.push(await store.complete(key, lease, result));
    else answers.push((await store[what](key, claim)) ?? null);
  }
  return answers;
}

test('every store gives the same answers', async () => {
  let run = 0;
  const states = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const key = `model ${++run}`;
      const [first, ...others] = await Promise.all(open.map(({ store }, i) => play(store, `${key} of ${i}`, steps)));
      for (const other of others) expect(other).toEqual(first);
      for (const answer of first!) states.add(JSON.stringify(answer));
    }),
    { numRuns: 100 },
  );
  // The steps reach everything that can be answered.
  for (const state of ['new', 'stale', 'running', 'done', 'mismatch', 'stored', 'taken_over', 'conflict'])
    expect([...states].join()).toContain(`"${state}"`);
  for (const answer of ['"released"', '"expired"', '"lost"', 'true', 'false']) expect([...states]).toContain(answer);
});

test('a fence is greater than the last one of a store that has lost its records', async () => {
  const claim = { token: 'a', fingerprint: '', leaseMs: 1000, keepMs: 1000 };
  const before = await storeKinds.memory();
  const { fence } = await before.store.claim('lost', claim);
  await delay(2);
  const after = await storeKinds.memory();
  expect((await after.store.claim('lost', { ...claim, token: 'b' })).fence).toBeGreaterThan(fence);
  await before.close();
  await after.close();
});

test('a fence is greater than every earlier one', async () => {
  for (const { store } of open) {
    const fences: number[] = [];
    for (let i = 0; i < 12; i++) {
      const claim = { token: `t${i}`, fingerprint: '', leaseMs: 1000, keepMs: 1000 };
      fences.push((await store.claim('fence', claim)).fence);
      if (i % 2 === 0) await store.release('fence', claim);
      else await store.abandon('fence', claim);
    }
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
  }
});
