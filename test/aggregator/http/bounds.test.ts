/** What clients choose (windows, services, addresses, bodies) fills nothing without end. */
import { expect, test } from 'vitest';
import { createBufferPool } from '../../../aggregator/http/body.ts';
import { createAnswerCache } from '../../../aggregator/http/cache.ts';
import { clientAddress, createGuessLimit, MAX_WRONG_KEYS } from '../../../aggregator/http/guessing.ts';

test('the cache forgets the oldest of many answers', async () => {
  const cache = createAnswerCache(60_000, () => 0);
  let computed = 0;
  const ask = (key: string) => cache.get(key, async () => `${++computed}`);
  for (let i = 0; i < 1000; i++) await ask(`window=${i}`);
  expect((await ask('window=999')).hit).toBe(true);
  expect((await ask('window=0')).hit).toBe(false);
  expect(computed).toBe(1001);
});

test('an answer that failed for several readers is computed anew for the next', async () => {
  const cache = createAnswerCache(60_000, () => 0);
  const failing = () => cache.get('a', () => Promise.reject(new Error('once')));
  const both = await Promise.allSettled([failing(), failing()]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await cache.get('a', async () => 'good')).toEqual({ answer: 'good', hit: false });
});

test('the limit on guessing forgets the oldest of many addresses, and every address after a minute', () => {
  let nowMs = 0;
  const limit = createGuessLimit(() => nowMs);
  const guess = (address: string, times: number) => {
    for (let i = 0; i < times; i++) limit.wrongKey(address);
  };
  guess('first', MAX_WRONG_KEYS);
  guess('second', MAX_WRONG_KEYS - 1);
  expect([limit.waitSeconds('first'), limit.waitSeconds('second'), limit.waitSeconds('third')]).toEqual([60, 0, 0]);
  nowMs = 59_000;
  expect(limit.waitSeconds('first')).toBe(1);
  nowMs = 60_000;
  expect(limit.waitSeconds('first')).toBe(0);
  guess('second', 1);
  expect(limit.waitSeconds('second')).toBe(0);
  guess('first', MAX_WRONG_KEYS);
  for (let i = 0; i < 10_000; i++) guess(`address ${i}`, 1);
  expect(limit.waitSeconds('first')).toBe(0);
});

test.each<[string | undefined, number, string]>([
  [undefined, 0, 'peer'],
  ['a, b, c', 0, 'peer'],
  ['a, b, c', 1, 'c'],
  ['a, b, c', 2, 'b'],
  ['a, b, c', 5, 'a'],
  ['', 1, 'peer'],
  [undefined, 1, 'peer'],
])('X-Forwarded-For %j with %i trusted hops is %s', (forwardedFor, hops, expected) => {
  expect(clientAddress('peer', forwardedFor, hops)).toBe(expected);
});

test('buffers are used again, are bounded together, and come back once', () => {
  const pool = createBufferPool(256 * 1024, 128 * 1024);
  const first = pool.acquire(100_000)!;
  const second = pool.acquire(100_000)!;
  expect(pool.inUseBytes).toBe(2 * 128 * 1024);
  expect(pool.acquire(1)).toBeUndefined();
  first.release();
  first.release();
  second.release();
  expect(pool.inUseBytes).toBe(0);
  expect(pool.acquire(70_000)!.bytes).toBe(first.bytes);
  // The second was above what is kept idle.
  expect(pool.acquire(70_000)!.bytes).not.toBe(second.bytes);
});
