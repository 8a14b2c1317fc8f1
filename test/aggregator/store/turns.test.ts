import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Question, Store } from '../../../aggregator/store/port.ts';
import { takingTurns } from '../../../aggregator/store/turns.ts';
import { createKnownStore, type KnownStore } from '../../support/known-store.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const HOUR_MS = 3_600_000;

function filled(): KnownStore {
  const store = createKnownStore(NOW_MS);
  for (let hour = 0; hour < 6; hour++) store.add({ name: 'CreateJob', seconds: 0.1, atMs: NOW_MS - hour * HOUR_MS }, 3);
  return store;
}

/** One hour each. */
const questions = Array.from({ length: 6 }, (_, hour): Question => {
  const toMs = NOW_MS - hour * HOUR_MS + 60_000;
  return { metric: 'vigil.mutation.duration', where: {}, by: [], range: { fromMs: toMs - HOUR_MS, toMs } };
});

const askAll = (store: Store) => Promise.all(questions.map((question) => store.histograms(question)));

test('whoever waits has a turn as soon as answering has taken its time, and the answers are the same', async () => {
  const store = filled();
  let clockMs = 0;
  // Each question takes half a millisecond.
  const turns = takingTurns(store, () => (clockMs += 0.5));
  const waiting = setImmediate().then(() => store.asked);
  const answers = askAll(turns);
  expect(await waiting).toBe(2);
  expect(await answers).toEqual(await askAll(store));
});

test('what takes no time here is asked together', async () => {
  const store = filled();
  const answers = askAll(takingTurns(store, () => 0));
  expect(store.asked).toBe(questions.length);
  expect(await answers).toEqual(await askAll(store));
});

test('a question that fails takes no other with it', async () => {
  const store = filled();
  let clockMs = 0;
  const turns = takingTurns(store, () => (clockMs += 30));
  store.failure = new Error('not now');
  await expect(turns.histograms(questions[0])).rejects.toThrow('not now');
  store.failure = undefined;
  expect(await turns.histograms(questions[1])).toEqual(await store.histograms(questions[1]));
});
