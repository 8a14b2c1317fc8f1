/** A checkpoint is made in slices: what is so between any two of them. */
import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE = 60_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let clock = 0;
beforeEach(() => {
  clock = Date.UTC(2026, 0, 15, 12, 34, 56);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => vi.useRealTimers());

function open(directory: string) {
  const metrics = createOwnMetrics();
  const options = { directory, retentionDays: 35, metrics, log: silent, now: () => clock, sliceMs: 0 };
  const store = openEmbeddedStore(options);
  const written = () =>
    metrics.families().find(({ name }) => name === 'aggregator_checkpoints_total')?.samples[0].value ?? 0;
  return { store, written };
}

/** A total that grows by one, of a stream of its own each, of so many processes. */
function take(store: OpenedStore, streams: number, total: number, instances: number = streams): void {
  const points = Array.from(
    { length: streams },
    (_, i) =>
      ({
        metric: 'vigil.task.requests',
        instance: `i${i % instances}`,
        attributes: { 'vigil.task.name': instances === streams ? `t${i % 20}` : `t${Math.floor(i / instances)}` },
        cumulative: true,
        startMs: Date.UTC(2026, 0, 15, 12, 34, 57),
        timeMs: clock,
        values: new Array<number>(total).fill(1),
        shape: 'sum',
      }) as const,
  );
  store.receiver.take({ signal: 'metrics', bytes: metricsBody(points), encoding: 'json', gzip: false });
}

async function total({ store }: OpenedStore): Promise<number> {
  const [row] = await store.lifetimeCounts({ metric: 'vigil.task.requests' });
  return row?.value ?? 0;
}

const turn = () => new Promise((done) => setImmediate(done));

/** A start makes a checkpoint of its own: this one is over. */
async function openWritten(directory: string) {
  const opened = open(directory);
  while (opened.written() === 0) await turn();
  return opened;
}

/** Opens the store as a crash would have left it now. */
async function totalAfterCrash(directory: string): Promise<number> {
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  const { store } = open(copy);
  const found = await total(store);
  store.close();
  return found;
}

test('questions, new points and a crash find everything once, whatever was written by then', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const { store, written } = await openWritten(directory);
  clock += 2 * MINUTE;
  take(store, 50, 3);
  const before = written();
  vi.advanceTimersByTime(5000);
  let slices = 0;
  let expected = 150;
  for (; written() === before; slices++) {
    expect(await total(store)).toBe(expected);
    if (slices % 10 === 0) expect(await totalAfterCrash(directory)).toBe(expected);
    if (slices % 15 === 7) {
      clock += 1000;
      take(store, 5, 4 + (slices - 7) / 15);
      expected += 5;
    }
    await turn();
  }
  expect(slices).toBeGreaterThan(50);
  expect(await total(store)).toBe(expected);
  expect(await totalAfterCrash(directory)).toBe(expected);
  store.close();
  const again = open(directory);
  expect(await total(again.store)).toBe(expected);
  again.store.close();
});

test('more streams than one transaction takes are as they were or as they are, wherever a crash comes', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const streams = 8_500;
  const first = open(directory);
  clock += 2 * MINUTE;
  take(first.store, streams, 1, 5);
  first.store.close();
  const { store, written } = open(directory);
  // Twice: what counts is at the first place of its chunk, then at the second one.
  for (const now of [3, 4]) {
    clock += 2 * MINUTE;
    take(store, streams, now, 5);
    const before = written();
    vi.advanceTimersByTime(5000);
    const states = new Set<string>();
    while (written() === before) {
      const state = stateOf(directory);
      if (!states.has(state)) {
        states.add(state);
        const copy = temporaryDirectory();
        cpSync(directory, copy, { recursive: true });
        const crashed = open(copy);
        expect(await total(crashed.store)).toBe(streams * now);
        clock += 1000;
        take(crashed.store, streams, now + 2, 5);
        clock -= 1000;
        // Known totals grew by two, whatever of them had been written.
        expect(await total(crashed.store)).toBe(streams * (now + 2));
        crashed.store.close();
      }
      await turn();
    }
    // Before the first transaction, with it in the log, in the database, and with the last one in the log.
    expect(states.size).toBeGreaterThan(3);
    expect(await total(store)).toBe(streams * now);
  }
  store.close();
});

/** Changes with what the database's files hold. */
function stateOf(directory: string): string {
  return ['vigil.db', 'vigil.db-wal'].map((name) => statSync(join(directory, name)).mtimeMs).join(' ');
}

test.each([0, 1, 5, 60, 120])('closing after %d slices writes everything', async (slices) => {
  const directory = temporaryDirectory();
  const { store } = await openWritten(directory);
  clock += 2 * MINUTE;
  take(store, 50, 3);
  vi.advanceTimersByTime(5000);
  for (let n = 0; n < slices; n++) await turn();
  clock += 1000;
  take(store, 50, 4);
  store.close();
  const again = open(directory);
  expect(await total(again.store)).toBe(200);
  // What its streams had counted by then is known.
  clock += 1000;
  take(again.store, 50, 5);
  expect(await total(again.store)).toBe(250);
  again.store.close();
});

test('a clock that was put back keeps no checkpoint from coming', async () => {
  const { store, written } = await openWritten(temporaryDirectory());
  const before = written();
  clock -= 3 * 60 * MINUTE;
  take(store, 1, 1);
  vi.advanceTimersByTime(5000);
  while (written() === before) await turn();
  store.close();
});

test('a start answers and takes while what it brought back is being written, and a crash finds everything once', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const first = open(directory);
  clock += 2 * MINUTE;
  take(first.store, 50, 3);
  const killed = temporaryDirectory();
  cpSync(directory, killed, { recursive: true });
  first.store.close();

  const { store, written } = open(killed);
  expect(written()).toBe(0);
  let slices = 0;
  let expected = 150;
  for (; written() === 0; slices++) {
    if (slices === 5) {
      clock += 1000;
      take(store, 5, 4);
      expected += 5;
    }
    expect(await total(store)).toBe(expected);
    if (slices % 10 === 0) expect(await totalAfterCrash(killed)).toBe(expected);
    await turn();
  }
  expect(slices).toBeGreaterThan(50);
  expect(await total(store)).toBe(expected);
  expect(await totalAfterCrash(killed)).toBe(expected);
  store.close();
});
